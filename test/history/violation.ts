/** The kinds of violation, each with the guarantee that it breaks. */
export const GUARANTEES = {
  lost: 'G1: an id that was answered is readable',
  unfinished: 'G1: each run ends in one terminal state',
  unrecordedCall: 'G2: the upstream is never called more often than the record says',
  silentDuplicate: 'G2: a call that may be a duplicate is flagged',
  atMostOnceBroken: 'G2: with on_unknown_outcome "fail" a call that may have run is not repeated',
  unknownNotFlagged: 'G2: an attempt whose outcome is unknown is named so',
  countedWithoutCall: 'G2: an attempt that made no call is not counted',
  twoResults: 'G3: one result per run, the same bytes for every reader',
  terminalChanged: 'G3: a terminal record changes no more',
  twoIds: 'G4: one key, one id, one execution',
  mismatchAccepted: 'G5: one key with another body is a 422',
  ownBodyRefused: 'G5: one key with its own body is never a 422',
  refusedButCalled: 'G9: a 503 service_unavailable executed nothing',
  statusBackwards: 'G10: a status never goes backwards within a run',
  attemptsShrank: 'G10: attempts never shrink',
  runShrank: 'G10: the run only grows',
  notFoundAfterAnswer: 'G11: a record is readable from its answer on',
  unexpectedAnswer: 'G24: no answer but those of the contract',
} as const;
export type ViolationKind = keyof typeof GUARANTEES;

/** One broken guarantee of one request. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly guarantee: string;
  readonly id: string;
  /** What was seen; short. */
  readonly seen: string;
}

export function violation(kind: ViolationKind, id: string, seen: string): Violation {
  return { kind, guarantee: GUARANTEES[kind], id, seen };
}
