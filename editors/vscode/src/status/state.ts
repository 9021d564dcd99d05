// What the server says of itself with `neocaret/statusChanged`, read from whatever comes.

export type State = 'missing' | 'starting' | 'loading' | 'ready' | 'paused' | 'failed' | 'stopped';

export interface Progress {
  readonly message: string;
  readonly done: number;
  readonly total: number | null;
}

export interface Status {
  readonly state: State;
  /** Why the last question got no suggestion: a code. */
  readonly reason?: string;
  /** The same in a sentence. */
  readonly reasonText?: string;
  readonly progress?: Progress;
  readonly model?: string;
}

const STATES: readonly State[] = ['missing', 'starting', 'loading', 'ready', 'paused', 'failed', 'stopped'];

/** Read a status; an unknown state counts as ready, so that a newer server's is no error. */
export function statusOf(given: unknown): Status {
  const fields = isObject(given) ? given : {};
  const progress = progressOf(fields.progress);
  return {
    state: STATES.find((state) => state === fields.state) ?? 'ready',
    ...(typeof fields.reason === 'string' ? { reason: fields.reason } : {}),
    ...(typeof fields.reasonText === 'string' ? { reasonText: fields.reasonText } : {}),
    ...(typeof fields.model === 'string' ? { model: fields.model } : {}),
    ...(progress === undefined ? {} : { progress }),
  };
}

function progressOf(given: unknown): Progress | undefined {
  if (!isObject(given) || typeof given.done !== 'number') {
    return undefined;
  }
  return {
    message: typeof given.message === 'string' ? given.message : '',
    done: given.done,
    total: typeof given.total === 'number' ? given.total : null,
  };
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null;
}
