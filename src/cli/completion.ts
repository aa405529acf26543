import { Argument, Command, type Option } from 'commander';

/** A shell that completions are written for. */
type Shell = keyof typeof SCRIPTS;

/** What may follow an option: nothing, one of some words, a file, a folder, or what only the user knows. */
type Value = 'none' | 'file' | 'folder' | 'other' | readonly string[];

interface CompletedOption {
  /** `-K` and `--best-of`, as far as there are. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly value: Value;
}

/** A command as a shell has to know it. */
interface CompletedCommand {
  /** Words that lead to it: `demo text`. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  readonly commands: readonly CompletedCommand[];
  /** Words that its arguments are chosen from; where there are none, arguments are files. */
  readonly words: readonly string[];
}

/** `coverage-principle completion`: what makes a shell complete commands, options, their values and files. */
export function completionCommand(root: () => Command): Command {
  return new Command('completion')
    .description(
      'Print what makes a shell complete commands and options. To have it in every shell: add to ~/.bashrc\n' +
        '  source <(coverage-principle completion bash)\n' +
        'or to ~/.zshrc, after compinit, the same with zsh; for fish write it to ~/.config/fish/completions/coverage-principle.fish.',
    )
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .action((shell: Shell) => {
      process.stdout.write(completionScript(root(), shell));
    });
}

/** The completion of a tree of commands for a shell. */
export function completionScript(root: Command, shell: Shell): string {
  return SCRIPTS[shell](describe(root, ''));
}

function describe(command: Command, path: string): CompletedCommand {
  const help = command.createHelp();
  return {
    path,
    name: command.name(),
    description: firstSentence(command.description()),
    options: help.visibleOptions(command).map(describeOption),
    // The help command that commander makes up has no options of its own and is left out.
    commands: command.commands.map((each) => describe(each, `${path} ${each.name()}`.trim())),
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
}

function describeOption(option: Option): CompletedOption {
  const { short, long, argChoices, description } = option;
  const flags = [short, long].filter((flag) => flag !== undefined);
  return { flags, description: firstSentence(description), value: valueAfter(option, argChoices) };
}

function valueAfter({ required, optional, flags }: Option, choices: readonly string[] | undefined): Value {
  if (!(required || optional)) return 'none';
  if (choices) return choices;
  if (/<(\w+=)?file>/.test(flags)) return 'file';
  return /<folder>/.test(flags) ? 'folder' : 'other';
}

function firstSentence(text: string): string {
  return (
    text
      .replaceAll('\n', ' ')
      .split(/(?<=\.) |: |; | \(default/)[0]
      ?.replace(/\.$/, '') ?? ''
  );
}

/** The command and all commands in it. */
function all(command: CompletedCommand): CompletedCommand[] {
  return [command, ...command.commands.flatMap(all)];
}

/** In single quotes, as all three shells read them. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bash(root: CompletedCommand): string {
  const commands = all(root);
  const word = (index: string) => `\${COMP_WORDS[${index}]}`;
  const words = (list: readonly string[]) => `COMPREPLY=($(compgen -W ${quote(list.join(' '))} -- "$current"))`;
  const cases = (test: (option: CompletedOption) => boolean, then: (option: CompletedOption) => string) =>
    commands.flatMap(({ path, options }) =>
      options.filter(test).map((option) => {
        const patterns = option.flags.map((flag) => quote(`${path} ${flag}`)).join(' | ');
        return `    ${patterns}) ${then(option)}; return ;;`;
      }),
    );
  return `${[
    `_${identifier(root)}() {`,
    // A value after = is completed as one after a blank: bash splits there.
    `  local current=${word('COMP_CWORD')} previous=${word('COMP_CWORD - 1')} command= index`,
    `  if [[ $current == = ]]; then current=; elif [[ $previous == = ]]; then previous=${word('COMP_CWORD - 2')}; fi`,
    '  for ((index = 1; index < COMP_CWORD; index++)); do',
    `    case "$command ${word('index')}" in`,
    ...commands
      .filter(({ path }) => path !== '')
      .map(({ path, name }) => {
        const before = path.slice(0, -name.length).trim();
        return `      ${quote(`${before} ${name}`)}) command=${quote(path)} ;;`;
      }),
    '    esac',
    '  done',
    '  case "$command $previous" in',
    ...cases(
      ({ value }) => Array.isArray(value),
      ({ value }) => words(value as readonly string[]),
    ),
    ...cases(
      ({ value }) => value === 'file',
      () => 'COMPREPLY=($(compgen -f -- "$current"))',
    ),
    ...cases(
      ({ value }) => value === 'folder',
      () => 'COMPREPLY=($(compgen -d -- "$current"))',
    ),
    '  esac',
    '  case "$command:$current" in',
    ...commands.map(
      ({ path, options }) => `    ${quote(`${path}:-`)}*) ${words(options.flatMap(({ flags }) => flags))} ;;`,
    ),
    ...commands
      .map((command) => ({ ...command, words: [...command.commands.map(({ name }) => name), ...command.words] }))
      .filter((command) => command.words.length > 0)
      .map((command) => `    ${quote(`${command.path}:`)}*) ${words(command.words)} ;;`),
    '  esac',
    '}',
    // Where nothing fits, files.
    `complete -o default -F _${identifier(root)} ${root.name}`,
  ].join('\n')}\n`;
}

function zsh(root: CompletedCommand): string {
  const plain = (text: string) => text.replace(/[[\]:\\]/g, '\\$&');
  const values = (value: Value): string => {
    if (value === 'none') return '';
    if (value === 'file') return ':file:_files';
    if (value === 'folder') return ':folder:_files -/';
    return value === 'other' ? ':value: ' : `:value:(${value.join(' ')})`;
  };
  const option = ({ flags, description, value }: CompletedOption): string[] =>
    flags.map((flag) => quote(`*${flag}[${plain(description)}]${values(value)}`));
  const body = (command: CompletedCommand): string[] => {
    const options = command.options.flatMap(option);
    const input = command.words.length > 0 ? `*:word:(${command.words.join(' ')})` : '*:input:_files';
    if (command.commands.length === 0) return [`  _arguments -s ${[...options, quote(input)].join(' ')}`];
    const names = command.commands.map(({ name, description }) => quote(`${name}:${plain(description)}`));
    return [
      '  local state line',
      `  _arguments -C ${[...options, quote('1: :->command'), quote('*:: :->rest')].join(' ')}`,
      '  case $state in',
      `    command) local -a names=(${names.join(' ')}); _describe command names ;;`,
      '    rest) case $words[1] in',
      ...command.commands.map((each) => `      ${each.name}) ${identifier(root, each)} ;;`),
      '    esac ;;',
      '  esac',
    ];
  };
  return `${[
    `#compdef ${root.name}`,
    ...all(root).flatMap((command) => [`${identifier(root, command)}() {`, ...body(command), '}']),
    `compdef ${identifier(root, root)} ${root.name}`,
  ].join('\n')}\n`;
}

function fish(root: CompletedCommand): string {
  const complete = `complete -c ${root.name}`;
  const lines = all(root).flatMap(({ path, options, commands, words: choices }) => {
    const words = path.split(' ').filter(Boolean);
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    const inside = commands.map(({ name }) => name).join(' ');
    const here = [seen, inside && `not __fish_seen_subcommand_from ${inside}`].filter(Boolean).join('; and ');
    return [
      ...commands.map(
        ({ name, description }) =>
          `${complete} -n ${quote(here)} ${words.length === 0 ? '-f ' : ''}-a ${name} -d ${quote(description)}`,
      ),
      ...choices.map((choice) => `${complete} -n ${quote(here)} -f -a ${choice}`),
      ...options.map(({ flags, description, value }) => {
        const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
        return `${complete} -n ${quote(here)} ${names.join(' ')}${fishValue(value)} -d ${quote(description)}`;
      }),
    ];
  });
  return `${lines.join('\n')}\n`;
}

function fishValue(value: Value): string {
  if (value === 'none') return '';
  if (value === 'file') return ' -r -F';
  if (value === 'folder') return " -x -a '(__fish_complete_directories)'";
  return value === 'other' ? ' -x' : ` -x -a ${quote(value.join(' '))}`;
}

/** Name of a shell function, for the whole program or for one of its commands. */
function identifier(root: CompletedCommand, command?: CompletedCommand): string {
  const words = command === undefined ? root.name : `_${root.name} ${command.path}`.trim();
  return words.replace(/\W+/g, '_');
}

const SCRIPTS = { bash, zsh, fish };
