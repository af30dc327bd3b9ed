/**
 * Process entry of the benchmark: the upstream with rate limits. It has a process of its own, so that it is never
 * slowed by the callers.
 */
import { startLimitedUpstream } from '../../test/support/limited-upstream/limited-upstream.ts';
import { LimitedQuestion } from './limited-words.ts';

const upstream = await startLimitedUpstream();
process.on('message', (message) => {
  const question = LimitedQuestion.parse(message);
  const { model, ask } = question;
  if (question.kind === 'limit') upstream.limit(model, question.limits);
  const calls = question.kind === 'calls' ? upstream.calls(model) : null;
  process.send?.({ answer: ask, counts: upstream.counts(model), calls });
});
process.on('disconnect', () => process.exit());
process.send?.({ url: upstream.baseURL });
