import { readFileSync } from 'node:fs';
import { CoverageError, wrongKind } from '../error.js';
import { packageVersion } from '../version.js';
import * as z from '../zod.js';

/** What a builder of reports, or an exporter, was given: what it should be, and what it is. */
export interface Given {
  /** Made only when something failed: building a report should not pay for it. */
  readonly schema: () => z.ZodType;
  readonly value: () => unknown;
}

/**
 * Runs the body of a function that makes something of a result or a report. Nothing is checked while all goes well. When the
 * language throws, the argument is held to what its type says: if it is something else, that is said, with the place;
 * if it is not, the fault is this package's and is not put on the caller.
 *
 * @internal
 */
export function build<T>(call: string, given: Given, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const wrong = whatIsWrong(given);
    if (wrong !== undefined) throw wrongKind(call, new TypeError(wrong, { cause: error }));
    throw new CoverageError(
      'ERR_INTERNAL',
      `${call} failed on what is of the right kind (${error.message}). If coverage-principle ${packageVersion} made it, ` +
        'this is a fault of coverage-principle: please report it with what led to it.',
      { cause: error },
    );
  }
}

/** What `value` should be and is not, with its place; nothing if it is of its kind. */
function whatIsWrong({ schema, value }: Given): string | undefined {
  try {
    const [issue] = schema().safeParse(value()).error?.issues ?? [];
    return issue && `${issue.path.length > 0 ? `${issue.path.map(String).join('.')}: ` : ''}${issue.message}`;
  } catch (error) {
    // It cannot be looked at: its getters throw, or it contains itself.
    if (error instanceof TypeError || error instanceof RangeError) return error.message;
    throw error;
  }
}

/** The JSON Schema of what a command prints, without what it is stamped with when it is printed. */
function printedSchema(name: string) {
  const schema = JSON.parse(readFileSync(new URL(`../../schemas/${name}.json`, import.meta.url), 'utf8'));
  for (const stamp of ['schemaVersion', 'version']) delete schema.properties[stamp];
  schema.required = schema.required.filter((key: string) => key in schema.properties);
  return schema;
}

/** The value as it would be read back from JSON, which is what the schemas speak of. */
function printed(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** A result that has a JSON Schema, `schemas/NAME.json`; `more` is what is printed beside it. */
export function resultGiven(name: string, result: unknown, more: object = {}): Given {
  return {
    schema: () => z.fromJSONSchema(printedSchema(name)),
    value: () => printed({ ...Object(result), ...more }),
  };
}

/** Experiments to be reported on; how they were run does not matter there. */
export function experimentsGiven(experiments: unknown, extras: object): Given {
  const value = () => {
    const each = Array.isArray(experiments) && experiments.map((one) => ({ quick: false, seed: 0, ...Object(one) }));
    return { ...extras, experiments: each, verdicts: [] };
  };
  return { schema: () => z.fromJSONSchema(printedSchema('experiments')), value: () => printed(value()) };
}

/** A plot as plain data. */
export function plotGiven(plot: unknown, more: object = {}): Given {
  const schema = () => {
    const { $defs } = printedSchema('experiments');
    return z.fromJSONSchema({ ...$defs.ExperimentResult.properties.plots.items, $defs });
  };
  return { schema, value: () => printed({ ...Object(plot), ...more }) };
}

/** What is written beside the function that takes it. */
export function shapeGiven(schema: () => z.ZodType, value: unknown): Given {
  return { schema, value: () => value };
}

function figureSchema(): z.ZodType {
  const texts = { id: z.string(), title: z.string(), caption: z.string(), description: z.string() };
  return z.looseObject({
    ...texts,
    width: z.number().positive(),
    height: z.number().positive(),
    option: z.looseObject({}),
  });
}

function reportSchema(): z.ZodType {
  const marked = ['model', 'stress', 'code'].map((key) => z.looseObject({ [key]: z.string() }));
  const phrase = z.array(z.union([z.string(), ...marked]));
  const table = z.looseObject({
    caption: z.string(),
    columns: z.array(z.looseObject({ label: z.string() })),
    rows: z.array(z.array(z.looseObject({ text: z.string() }))),
  });
  const verdict = z.looseObject({ claim: z.string(), source: z.string() });
  const block: z.ZodType = z.lazy(() =>
    z.discriminatedUnion('kind', [
      z.looseObject({ kind: z.literal('paragraph'), text: phrase }),
      z.looseObject({ kind: z.literal('list'), items: z.array(phrase) }),
      z.looseObject({
        kind: z.literal('advice'),
        items: z.array(z.looseObject({ occasion: z.string(), text: phrase })),
      }),
      z.looseObject({ kind: z.literal('warnings'), warnings: z.array(z.looseObject({ message: z.string() })) }),
      z.looseObject({ kind: z.literal('verdicts'), verdicts: z.array(verdict) }),
      z.looseObject({ kind: z.literal('table'), table }),
      z.looseObject({ kind: z.literal('figures'), figures: z.array(figureSchema()) }),
      z.looseObject({ kind: z.literal('details'), summary: z.string(), blocks: z.array(block) }),
      z.looseObject({ kind: z.literal('verbatim'), text: z.string() }),
    ]),
  );
  return z.looseObject({
    title: z.string(),
    subtitle: z.string(),
    sections: z.array(z.looseObject({ id: z.string(), heading: z.string(), blocks: z.array(block) })),
    sheet: z.looseObject({ columns: z.array(z.string()), rows: z.array(z.array(z.unknown())) }),
    result: z.unknown(),
  });
}

/** A report, as every exporter takes it. */
export function reportGiven(report: unknown): Given {
  return shapeGiven(reportSchema, report);
}

/** A figure to be drawn. */
export function figureGiven(figure: unknown): Given {
  return shapeGiven(figureSchema, figure);
}
