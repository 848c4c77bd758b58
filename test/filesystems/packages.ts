/** Packages of Debian that filesystems take: which are missing, and of which version the others are. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { environment } from './place.ts';

/** Versions by name; undefined of what is not installed. */
export async function versionsOf(names: readonly string[]): Promise<Map<string, string | undefined>> {
  const found = new Map<string, string | undefined>(names.map((name) => [name, undefined]));
  const printed = await promisify(execFile)(
    'dpkg-query',
    ['-W', '-f', '${db:Status-Status} ${Package} ${Version}\n', ...names],
    { env: environment },
  ).then(
    ({ stdout }) => stdout,
    // It fails if one of them is not known, and tells of the others.
    (error: { stdout?: string }) => error.stdout ?? '',
  );
  for (const [, name, version] of printed.matchAll(/^installed (\S+) (\S+)$/gm)) found.set(name!, version);
  return found;
}

export function install(names: readonly string[]): void {
  const options = { env: { ...environment, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'inherit' } as const;
  execFileSync('apt-get', ['update', '-qq'], options);
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], options);
}
