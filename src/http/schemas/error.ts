import { z } from 'zod';
import { ERROR_CATALOGUE, FAILURES, type ErrorCode } from '../../domain/error-catalogue.ts';

/** OpenAI's error envelope. */
export const ErrorEnvelope = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'ErrorEnvelope' });
export type ErrorEnvelope = z.infer<typeof ErrorEnvelope>;

const isErrorCode = (code: string): code is ErrorCode => code in ERROR_CATALOGUE;

/** The error answers of a route for its OpenAPI responses: by status, with the codes each can carry. */
export function errorResponses(codes: readonly ErrorCode[]): Record<number, typeof ErrorEnvelope> {
  const byStatus = Map.groupBy(codes, (code) => ERROR_CATALOGUE[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      ErrorEnvelope.describe(
        group.map((code) => `\`${code}\`: ${ERROR_CATALOGUE[code].meaning}`).join('\n\n'),
      ),
    ]),
  );
}

/** Every recorded failure: what a POST that waited may answer. */
export const FAILURE_CODES: readonly ErrorCode[] = Object.keys(FAILURES).filter(isErrorCode);
