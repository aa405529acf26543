/** The words of this command line, without node and script: first as given, then with what the project file adds. */
export const commandLine: { words: readonly string[] } = { words: [] };

/** Name of the file, in the current folder, that says which options every command there is to have. */
export const PROJECT_FILE = 'coverage-principle.config.json';
