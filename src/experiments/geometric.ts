/** `count` values from `first` on, each `ratio` times the one before; rounded to whole numbers. */
export function geometric(first: number, ratio: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.round(first * ratio ** index));
}
