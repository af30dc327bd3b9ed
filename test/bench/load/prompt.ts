/** The size of the prompt of every load unless it says otherwise, bytes. */
export const PROMPT_BYTES = 1_024;

const SENTENCE = 'Classify the ticket: the customer was charged twice and asks for one of the amounts back. ';

/** A chat completion's body of a given size. The model's name tells the scripted upstream what to do. */
export function promptOf(model: string, bytes: number = PROMPT_BYTES): Buffer {
  const bodyOf = (content: string): string =>
    JSON.stringify({
      model,
      messages: [
        { role: 'system', content: 'Answer with one word: billing, technical or other.' },
        { role: 'user', content },
      ],
      temperature: 0,
      max_completion_tokens: 16,
    });
  const missing = Math.max(0, bytes - bodyOf('').length);
  return Buffer.from(bodyOf(SENTENCE.repeat(Math.ceil(missing / SENTENCE.length)).slice(0, missing)));
}
