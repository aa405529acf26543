// The reference of training configurations as a page: all of it comes from the schema and from the problems themselves.

/** Text in a cell of a table. */
const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (value) => `\`${JSON.stringify(value)}\``;

/** The members of a union, unions in it taken apart. */
function membersOf(schema) {
  const members = schema.oneOf ?? schema.anyOf;
  return members ? members.flatMap(membersOf) : [schema];
}

/** What a value may be, in a few words; objects are described further down. */
function typeOf(schema) {
  const words = membersOf(schema).map((member) => {
    if (member.const !== undefined) return code(member.const);
    if (member.enum) return member.enum.map(code).join(', ');
    if (member.$ref) return 'as above';
    if (member.type === 'array') return `list of ${typeOf(member.items ?? {})}`;
    if (member.type === 'object')
      return member.properties?.kind ? `{ "kind": ${typeOf(member.properties.kind)} … }` : 'object';
    return `${member.type ?? 'anything'}${rangeOf(member)}`;
  });
  return [...new Set(words)].join(' or ');
}

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const most =
    maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER || maximum === 0xffff_ffff ? undefined : maximum;
  const parts = [
    minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && `≥ ${minimum}`,
    exclusiveMinimum !== undefined && `> ${exclusiveMinimum}`,
    most !== undefined && `≤ ${most}`,
    exclusiveMaximum !== undefined && `< ${exclusiveMaximum}`,
  ].filter(Boolean);
  return parts.length > 0 ? ` ${parts.join(', ')}` : '';
}

function fieldTable({ properties = {}, required = [] }) {
  const rows = Object.entries(properties).filter(([name]) => name !== 'kind' && name !== '$schema');
  if (rows.length === 0) return ['No other fields.', ''];
  return [
    '| field | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows.map(([name, schema]) => {
      const fallback = schema.default === undefined ? (required.includes(name) ? 'needed' : '') : code(schema.default);
      return `| \`${name}\` | ${cell(typeOf(schema))} | ${cell(fallback)} | ${cell(schema.description ?? '')} |`;
    }),
    '',
  ];
}

/** An object's fields, then those of the objects in it. */
function section(path, schema, level) {
  // As plain text: the site's list of headings leaves code out.
  const heading = (text) => `${'#'.repeat(Math.min(level, 4))} ${text}`;
  const objects = membersOf(schema).filter((member) => member.type === 'object' && member.properties);
  const lines = [];
  for (const member of objects) {
    const kind = member.properties.kind?.const;
    lines.push(heading(`${path}${kind === undefined ? '' : `: ${kind}`}`), '');
    const about = member.description ?? (objects.length === 1 ? schema.description : undefined);
    if (about) lines.push(about, '');
    lines.push(...fieldTable(member));
    for (const [name, inner] of Object.entries(member.properties)) {
      const items = inner.type === 'array' ? inner.items : inner;
      lines.push(...section(`${path}.${name}${inner.type === 'array' ? '[]' : ''}`, items ?? {}, level + 1));
    }
  }
  return lines;
}

/** Sections that say the same as one before are left out: stages have the settings of the run. */
function withoutStages([name]) {
  return !name.includes('.before[].');
}

/** The page. */
export function trainReference(schema, problems) {
  const parts = Object.entries(schema.properties).flatMap(([name, inner]) => section(name, inner, 2));
  const kept = [];
  let keep = true;
  for (const line of parts) {
    if (line.startsWith('#')) keep = withoutStages([line]);
    if (keep) kept.push(line);
  }
  return [
    '---',
    'title: Training configurations',
    'group: Reference',
    '---',
    '',
    '<!-- made by npm run generate; do not edit -->',
    '',
    '# Training configurations',
    '',
    'What `coverage-principle train` takes: a `.json` file, or the default export of a `.js`, `.mjs` or `.ts` file. The same as',
    '[JSON Schema](../../schemas/train-config.json), for editors. Paths are relative to the file.',
    '',
    '## Fields',
    '',
    ...fieldTable(schema),
    ...kept,
    '## Named problems',
    '',
    '`data.name` with what `data.options` may say, and its default. Their claims are in `describeProblem`.',
    '',
    ...problems.flatMap(({ name, title, source, shows, options }) => [
      `### ${name}`,
      '',
      `${title} (${source}): ${shows}.`,
      '',
      '| option | default |',
      '| --- | --- |',
      ...Object.entries(options).map(([option, value]) => `| \`${option}\` | ${cell(code(value))} |`),
      '',
    ]),
  ].join('\n');
}
