/** Whole numbers by value, before everything else by code unit: an order of ids that depends on no locale. */
export function compareIds(a: string, b: string): number {
  const [numberA, numberB] = [wholeNumber(a), wholeNumber(b)];
  if (numberA !== null && numberB !== null) return numberA - numberB;
  if (numberA !== null || numberB !== null) return numberA !== null ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function wholeNumber(id: string): number | null {
  const number = Number(id);
  return Number.isSafeInteger(number) && String(number) === id ? number : null;
}
