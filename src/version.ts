import { createRequire } from 'node:module';

/** Version of this package, whose own name finds it wherever this is compiled to: the benchmark compiles it elsewhere. */
export const packageVersion: string = createRequire(import.meta.url)('coverage-principle/package.json').version;
