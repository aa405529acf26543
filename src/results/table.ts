/** Tables as data; how they are set is an exporter's matter. */

/** How a cell stands out. */
export type Tone = 'strong' | 'good' | 'caution' | 'muted';

export interface Cell {
  readonly text: string;
  /** What the column is sorted by, where the text would sort wrongly. */
  readonly sort?: number | string;
  readonly tone?: Tone;
  /** Explanation shown on hovering in a page. */
  readonly title?: string;
  /** A small line below the text in a page. */
  readonly note?: string;
}

export interface Column {
  readonly label: string;
  /** Default `left`; numbers stand `right`. */
  readonly align?: 'left' | 'right';
  /** Whether it belongs to the column before it, as an interval does, and is never parted from it. */
  readonly withPrevious?: boolean;
  /** Whether the cells are names of models or responses, which may be cut in a narrow terminal. */
  readonly name?: boolean;
  /** Explanation shown on hovering in a page. */
  readonly title?: string;
}

/** A table; the first column names the row. */
export interface Table {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A column of numbers; `withPrevious` where it belongs to the column before it. */
export function numberColumn(label: string, title?: string, withPrevious = false): Column {
  return { label, align: 'right', ...(title && { title }), ...(withPrevious && { withPrevious }) };
}

/** A cell for a number: `text` right-hand, sorted by value; a dash where it is not known, with the reason. */
export function numberCell(value: number | null, text: (value: number) => string, reason?: string): Cell {
  if (value === null) return { text: '–', tone: 'muted', ...(reason && { title: reason }) };
  return { text: text(value), sort: value };
}
