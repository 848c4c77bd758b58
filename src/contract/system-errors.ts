/** The names of system errors, and the parts of them that are shown. */

/** Linux errors for which libuv, or Node's table, has no name or no words (errno(3)). */
const nameless: Readonly<Record<number, readonly [name: string, words: string]>> = {
  37: ['ENOLCK', 'no locks available'],
  52: ['EBADE', 'invalid exchange'],
  64: ['ENONET', 'the machine is not on the network'],
  70: ['ECOMM', 'communication error on send'],
  74: ['EBADMSG', 'bad message'],
  77: ['EBADFD', 'file descriptor in bad state'],
  112: ['EHOSTDOWN', 'the host is down'],
  116: ['ESTALE', 'stale file handle'],
  117: ['EUCLEAN', 'the filesystem is damaged'],
  121: ['EREMOTEIO', 'remote I/O error'],
  122: ['EDQUOT', 'disk quota exceeded'],
  123: ['ENOMEDIUM', 'no medium found'],
  124: ['EMEDIUMTYPE', 'wrong medium type'],
  126: ['ENOKEY', 'the key of this directory is missing'],
  127: ['EKEYEXPIRED', 'the key has expired'],
  128: ['EKEYREVOKED', 'the key has been revoked'],
  129: ['EKEYREJECTED', 'the key was rejected by the service'],
  133: ['EHWPOISON', 'a memory page has a hardware error'],
};

/** The name of an error. If libuv has none, the system or the table above may have one; otherwise undefined. */
export function nameOf(code: string, errno: unknown): string | undefined {
  if (!code.startsWith('Unknown system error')) return code;
  const known = Object.entries(process.getBuiltinModule('node:os').constants.errno).find(
    ([, value]) => value === -Number(errno),
  )?.[0];
  return known ?? namelessOne(Number(errno))?.[0];
}

/** The words for a system error. */
export function wordsOf(errno: number): string | undefined {
  return (
    process.getBuiltinModule('node:util').getSystemErrorMap().get(errno)?.[1] ??
    namelessOne(errno)?.[1] ??
    `system error ${Math.abs(errno)}`
  );
}

function namelessOne(errno: number): readonly [string, string] | undefined {
  return process.platform === 'linux' ? nameless[-errno] : undefined;
}

const throughDescriptor = /\/proc\/self\/fd\/\d+\/?/g;

/**
 * A system error with its name, and without the descriptors by which a directory was reached: they tell nobody
 * anything, and are closed by now.
 */
export function withoutDescriptors(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('syscall' in error)) return error;
  const shown = error as Record<string, unknown>;
  const name = nameOf(String(shown['code']), shown['errno']) ?? '$&';
  for (const field of ['message', 'stack', 'path', 'dest', 'code']) {
    const text = shown[field];
    if (typeof text !== 'string') continue;
    const clear = text.replace(throughDescriptor, '').replace(/Unknown system error -\d+/g, name);
    if (clear !== text) shown[field] = clear;
  }
  return error;
}
