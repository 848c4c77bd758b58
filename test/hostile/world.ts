/** A folder for many scenes, with what lies beside all of them, and those who work in them. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alice, type User } from '../support/as-user.ts';
import { Neighbour } from './neighbour.ts';
import { differences, file, home, recordOf, root, Scene, secret, type Kind } from './scene.ts';
import { Victim } from './stopped.ts';

export class World {
  readonly folder: string;
  /**
   * Directories of the superuser's and of Alice's outside of the shared directory, which all may enter; and a file that
   * only root may read.
   */
  readonly homes: Readonly<Record<'root' | 'alice', string>>;
  readonly vault: string;
  readonly neighbour: Neighbour = new Neighbour();
  readonly #victims = new Map<number, Victim>();
  #before = new Map<string, Map<string, string>>();
  #scenes = 0;

  constructor(parent: string = tmpdir()) {
    this.folder = mkdtempSync(join(parent, 'untorn-hostile-'));
    chmodSync(this.folder, 0o755);
    this.homes = { root: join(this.folder, 'home-of-root'), alice: join(this.folder, 'home-of-alice') };
    this.vault = join(this.folder, 'vault');
    this.#furnish();
  }

  #furnish(): void {
    home(this.homes.root, root, 0o755);
    home(this.homes.alice, alice, 0o755);
    file(this.vault, secret, root, 0o600);
    this.#before = new Map([this.homes.root, this.homes.alice, this.vault].map((path) => [path, recordOf(path)]));
  }

  /**
   * A new one. All of them stay to the end: a number of a directory that is used again would pass for one that is
   * known.
   */
  scene(kind: Kind, user: User): Scene {
    const folder = join(this.folder, `scene-${this.#scenes++}`);
    mkdirSync(folder);
    return new Scene(folder, kind, user);
  }

  /** Who works in the scenes for a user, as long as it does not get stuck. */
  async victim(user: User): Promise<Victim> {
    const { uid } = user;
    const known = this.#victims.get(uid);
    if (known !== undefined && !known.gone) return known;
    const victim = await Victim.start(user, this.folder);
    this.#victims.set(uid, victim);
    return victim;
  }

  /** What was done to what lies beside; all is put right then. */
  harm(): string[] {
    const found = [...this.#before].flatMap(([path, before]) =>
      differences(path.slice(this.folder.length + 1), before, recordOf(path)),
    );
    if (found.length === 0) return found;
    for (const path of this.#before.keys()) rmSync(path, { recursive: true, force: true });
    this.#furnish();
    return found;
  }

  async end(): Promise<void> {
    for (const victim of this.#victims.values()) await victim.end();
    await this.neighbour.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
