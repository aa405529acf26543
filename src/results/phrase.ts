/** Sentences whose parts know what they are, so that a terminal and a page can each set them their way. */
/** A part of a sentence: plain text, the name of a model, words to stress, or something typed or read by machines. */
export type Part = string | { readonly model: string } | { readonly stress: string } | { readonly code: string };

/** A sentence or a few. */
export type Phrase = readonly Part[];

/** The phrase as text, with names set by `model` and stress by `stress`. */
export function phraseText(
  phrase: Phrase,
  model: (name: string) => string = (name) => name,
  stress: (text: string) => string = (text) => text,
): string {
  return phrase
    .map((part) => {
      if (typeof part === 'string') return part;
      if ('code' in part) return part.code;
      return 'model' in part ? model(part.model) : stress(part.stress);
    })
    .join('');
}

/** Names of models with commas and a final “and”. */
export function listedModels(models: readonly string[]): Part[] {
  return models.flatMap((model, index): Part[] => {
    const separator = index === 0 ? [] : [index === models.length - 1 ? ' and ' : ', '];
    return [...separator, { model }];
  });
}
