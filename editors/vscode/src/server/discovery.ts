// The order in which the server is looked for; knows no editor.

import { launchOf } from './launch';
import type { Launch } from './launch';

export interface Place {
  /** As it is told to the user. */
  readonly name: string;
  /** The path of the console script or of an interpreter; undefined where there is none. */
  find(): Promise<string | undefined>;
}

export interface Found extends Launch {
  readonly where: string;
}

/** The user named a program that cannot be run: nothing else is tried in its stead. */
export class WrongPathError extends Error {
  constructor(readonly path: string) {
    super(`The setting neocaret.server.path names ${path}, which is no program that can be run.`);
  }
}

/**
 * The first place that has a server; undefined where none has.
 *
 * @throws WrongPathError where the setting names what is not there
 */
export async function discover(
  setting: string,
  runs: (path: string) => Promise<boolean>,
  places: readonly Place[],
): Promise<Found | undefined> {
  if (setting !== '') {
    if (!(await runs(setting))) {
      throw new WrongPathError(setting);
    }
    return { ...launchOf(setting), where: 'the setting neocaret.server.path' };
  }
  for (const place of places) {
    const path = await place.find();
    if (path !== undefined) {
      return { ...launchOf(path), where: place.name };
    }
  }
  return undefined;
}
