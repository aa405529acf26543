/** What takes the rows of a table, whatever format they are in. */
export interface RowSink {
  /** The columns that are looked at. */
  readonly columns: readonly string[];
  /** Takes one row: `get` gives the value of a column, `row` says where it stands in the file. */
  read(get: (column: string) => unknown, row: number): void;
}
