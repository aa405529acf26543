// What the schemas use of zod, by its own names. The whole of it is a hundred files with sixty languages among them, which took
// longer to load than the rest of a small command: `scripts/bundle-zod.mjs` puts this module and what it needs into one file.
import { config, locales } from 'zod';

export type { core, input, output } from 'zod';
export {
  array,
  boolean,
  custom,
  discriminatedUnion,
  enum,
  fromJSONSchema,
  instanceof,
  int,
  lazy,
  literal,
  looseObject,
  never,
  null,
  number,
  object,
  record,
  strictObject,
  string,
  toJSONSchema,
  tuple,
  union,
  unknown,
  ZodObject,
  ZodType,
} from 'zod';

// Importing all of zod would do this.
config(locales.en());
