// JSON Schemas (draft 2020-12) of results, from their TypeScript types: what `--json` prints is typed once, in src.
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A declaration of the types that commands print, without its own file: schema name → type expression. */
const IMPORTS = `
import type { SelectionResult } from './src/selection/result.js';
import type { Comparison } from './src/selection/compare.js';
import type { OffsetResult } from './src/report/offset/report.js';
import type { CoverageProfiles } from './src/profile/coverage-profile.js';
import type { PassAtKResult } from './src/pass-at-k/pass-at-k.js';
import type { DoctorReport } from './src/log-probs/doctor.js';
import type { ReportExtras } from './src/report/report.js';
import type { ExperimentResult } from './src/experiments/experiment.js';
import type { PrintedExperiments } from './src/report/experiment/report.js';
import type { PrintedTraining } from './src/training/output.js';
import type { PrintedWinners } from './src/cli/select.js';
import type { RaceResult } from './src/report/race/report.js';
import type { ScoreResult } from './src/score/score.js';
import type { SampleResult } from './src/sample/sample.js';
`;

/** What each command prints. */
export const RESULTS = {
  selection: { type: 'SelectionResult', command: 'select', version: 2 },
  winners: { type: 'PrintedWinners', command: 'select --winner-only' },
  race: { type: 'RaceResult', command: 'select RACE' },
  score: { type: 'ScoreResult', command: 'score' },
  sample: { type: 'SampleResult', command: 'sample' },
  comparison: { type: 'Comparison', command: 'compare' },
  offset: { type: 'OffsetResult', command: 'offset' },
  profile: { type: 'CoverageProfiles & ReportExtras', command: 'profile' },
  'pass-at-k': { type: 'PassAtKResult & ReportExtras', command: 'pass-at-k' },
  doctor: { type: 'DoctorReport', command: 'doctor' },
  training: { type: 'PrintedTraining', command: 'train' },
  experiments: {
    type: "Omit<PrintedExperiments, 'experiments'> & { readonly experiments: readonly ExperimentResult[] }",
    command: 'reproduce',
  },
};

/** The schemas by name. */
export function resultSchemas() {
  const entry = `${root}result-types.ts`;
  const names = Object.entries(RESULTS);
  const text = `${IMPORTS}${names.map(([, { type }], index) => `export type Result${index} = ${type};`).join('\n')}\n`;
  const options = { ...ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile).config.compilerOptions };
  const { options: parsed } = ts.convertCompilerOptionsFromJson(options, root);
  const host = ts.createCompilerHost(parsed);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => file === entry || fileExists.call(host, file);
  host.getSourceFile = (file, ...rest) =>
    file === entry
      ? ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true)
      : getSourceFile.call(host, file, ...rest);
  const program = ts.createProgram([entry], parsed, host);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  const aliases = new Map();
  ts.forEachChild(source, (node) => {
    if (ts.isTypeAliasDeclaration(node)) aliases.set(node.name.text, checker.getTypeAtLocation(node));
  });
  return Object.fromEntries(
    names.map(([name, { command, version }], index) => {
      const defs = new Map();
      const type = aliases.get(`Result${index}`);
      const { properties, required, ...rest } = objectSchema(type, { checker, defs });
      const schemaVersion = { const: version ?? 1, description: 'Changes when the meaning of a key changes.' };
      const stamp = { schemaVersion, version: { type: 'string', description: 'Version of the package.' } };
      return [
        name,
        {
          $schema: 'https://json-schema.org/draft/2020-12/schema',
          title: `What coverage-principle ${command} --json prints`,
          ...rest,
          properties: { ...stamp, ...properties, ...stamp },
          required: [...new Set([...Object.keys(stamp), ...required])],
          ...(defs.size > 0 && { $defs: Object.fromEntries([...defs].sort(([a], [b]) => (a < b ? -1 : 1))) }),
        },
      ];
    }),
  );
}

function schemaOf(type, context) {
  const { checker, defs } = context;
  const { flags } = type;
  if (flags & ts.TypeFlags.Null) return { type: 'null' };
  if (flags & ts.TypeFlags.StringLiteral) return { const: type.value };
  if (flags & ts.TypeFlags.NumberLiteral) return { const: type.value };
  if (flags & ts.TypeFlags.BooleanLiteral) return { const: checker.typeToString(type) === 'true' };
  if (flags & ts.TypeFlags.Boolean) return { type: 'boolean' };
  if (flags & ts.TypeFlags.StringLike) return { type: 'string' };
  // JSON has no infinities and no NaN: results say null instead, and their types do.
  if (flags & ts.TypeFlags.NumberLike) return { type: 'number' };
  if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
  if (type.isUnion()) return unionSchema(type, context);
  if (checker.isTupleType(type)) {
    const items = checker.getTypeArguments(type).map((each) => schemaOf(each, context));
    return { type: 'array', prefixItems: items, minItems: items.length, maxItems: items.length };
  }
  if (checker.isArrayType(type)) {
    return { type: 'array', items: schemaOf(checker.getTypeArguments(type)[0], context) };
  }
  const name = type.aliasSymbol?.name ?? type.symbol?.name;
  const named = name && !name.startsWith('__') && !type.aliasTypeArguments && /^[A-Z]\w*$/.test(name);
  if (!named || ['Omit', 'Pick', 'Readonly', 'Record'].includes(name)) return objectSchema(type, context);
  if (!defs.has(name)) {
    // Set before its parts are looked at: a type may hold itself.
    defs.set(name, {});
    defs.set(name, objectSchema(type, context));
  }
  return { $ref: `#/$defs/${name}` };
}

function unionSchema(type, context) {
  const members = type.types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined));
  const literals = members.filter((each) => each.isStringLiteral());
  const booleans = members.filter(({ flags }) => flags & ts.TypeFlags.BooleanLiteral);
  const others = members.filter((each) => !literals.includes(each) && !booleans.includes(each));
  const schemas = [
    ...(literals.length > 0 ? [{ enum: literals.map(({ value }) => value) }] : []),
    ...(booleans.length === 2 ? [{ type: 'boolean' }] : booleans.map((each) => schemaOf(each, context))),
    ...others.map((each) => schemaOf(each, context)),
  ];
  const [only] = schemas;
  if (schemas.length === 1) return only;
  if (schemas.every(({ type: of }, i) => typeof of === 'string' && Object.keys(schemas[i]).length === 1)) {
    return { type: schemas.map(({ type: of }) => of) };
  }
  return { anyOf: schemas };
}

function objectSchema(type, context) {
  const { checker } = context;
  const properties = {};
  const required = [];
  for (const symbol of checker.getPropertiesOfType(type)) {
    const of = checker.getTypeOfSymbol(symbol);
    // Methods are not printed.
    if (of.getCallSignatures().length > 0) continue;
    const description = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, ' ');
    properties[symbol.name] = { ...schemaOf(of, context), ...(description && { description }) };
    const optional =
      symbol.flags & ts.SymbolFlags.Optional ||
      (of.isUnion() && of.types.some(({ flags }) => flags & ts.TypeFlags.Undefined));
    if (!optional) required.push(symbol.name);
  }
  const index = checker.getIndexInfosOfType(type).find(({ keyType }) => keyType.flags & ts.TypeFlags.String);
  const additional = index && { additionalProperties: schemaOf(index.type, context) };
  return { type: 'object', properties, ...(required.length > 0 && { required }), ...additional };
}
