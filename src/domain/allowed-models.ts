import { Refusal } from './refusal.ts';

/**
 * A project's models, asked for whenever a run is about to begin.
 *
 * @param models null = it may use any
 * @throws Refusal `model_not_allowed`
 */
export function requireAllowed(models: readonly string[] | null, model: string): void {
  if (models !== null && !models.includes(model)) throw new Refusal('model_not_allowed', { param: 'model' });
}
