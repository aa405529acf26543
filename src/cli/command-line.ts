/** The words of this command line, without node and script: first as given, then with what the project file adds. */
export const commandLine: { words: readonly string[] } = { words: [] };
