import { checkAnswers } from './check-answers.ts';
import { checkCalls } from './check-calls.ts';
import { checkKeys } from './check-keys.ts';
import { checkLoss } from './check-loss.ts';
import { checkOrder } from './check-order.ts';
import { checkResults } from './check-results.ts';
import type { History } from './history.ts';
import { byRequest } from './request-history.ts';
import type { Violation } from './violation.ts';

const CHECKS = [checkLoss, checkCalls, checkOrder, checkResults, checkKeys, checkAnswers];

/**
 * Judges what clients saw against what the upstream saw: every guarantee that was broken, by request. Pure,
 * and it claims no order of two answers whose intervals overlap.
 */
export function checkHistory(history: History): Violation[] {
  return byRequest(history).flatMap((request) => CHECKS.flatMap((check) => check(request)));
}
