// The contender "plain callbacks": what callbacks of node:fs reach with the tricks that measured as gains, and with none
// of the care that a library needs. It keeps no mode, owner or attribute, follows no link, guards nothing, and takes no
// turns with synchronous calls. It is here to be measured, and is never shipped.
// write(path, data, { durable }), writeSync, many([{ path, data }], { durable }), stream(path, { durable }), json(path, value, { durable }).
//  - temp opened O_EXCL|O_DSYNC (small) so write+sync is one pool job; large: 8 MiB writes with fdatasync running beside them
//  - the old target is held open (O_PATH) across the rename and closed after the promise settles: the old inode's freeing leaves the critical path
//  - one fsync(dir) shared by all writes of that directory that renamed before it started
//  - closes never awaited; same-path un-awaited writes coalesce (latest wins)
import fs from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
export const meta = { name: 'proto-js', kind: 'proto', atomic: true, durable: 'file+dir', modes: ['durable', 'none'] };
const C = fs.constants;
const WX = C.O_CREAT | C.O_EXCL | C.O_WRONLY;
const O_PATH = 0o10000000;
const CHUNK = 8 << 20,
  EARLY = 32 << 20,
  DSYNC_MAX = 1 << 20;
let c = 0;
const seed = process.pid.toString(36) + '.' + Date.now().toString(36);
const tmpOf = (p) => `${p}.${seed}.${(c++).toString(36)}.tmp`;
const nop = () => {};
const bytes = (d) => {
  if (typeof d !== 'string') return d;
  return d.length < 65536 ? Buffer.from(d) : new TextEncoder().encode(d); // encode() beats Buffer.from for long strings on Node 20
};
// --- shared directory fsync
const dirs = new Map();
function dirSync(dir, cb) {
  let s = dirs.get(dir);
  if (!s)
    dirs.set(dir, (s = { fd: fs.openSync(dir, C.O_RDONLY | C.O_DIRECTORY), busy: false, next: null, idle: null }));
  if (s.next) return void s.next.push(cb);
  s.next = [cb];
  if (!s.busy) kick(dir, s);
}
function kick(dir, s) {
  s.busy = true;
  const run = () => {
    const b = s.next;
    s.next = null;
    fs.fsync(s.fd, (e) => {
      s.busy = false;
      if (s.next) kick(dir, s);
      for (const f of b) f(e);
    });
  };
  active > 1 ? setImmediate(run) : run();
}
let active = 0;
function once(p, data, durable, cb0) {
  active++;
  const cb = (e) => {
    active--;
    cb0(e);
  };
  data = bytes(data);
  const t = tmpOf(p),
    small = data.length <= DSYNC_MAX;
  let old, oldWait, fd;
  fs.open(p, O_PATH, (e, o) => {
    old = e ? -1 : o;
    if (oldWait) oldWait();
  });
  fs.open(t, durable && small ? WX | C.O_DSYNC : WX, 0o666, (e, f) => {
    if (e) return cb(e);
    fd = f;
    let off = 0,
      synced = 0,
      inflight = false,
      after = null,
      err = null;
    const step = (e, n) => {
      if (e) return cb(e);
      off += n;
      if (off < data.length) {
        if (!small && !inflight && off - synced >= EARLY) {
          synced = off;
          inflight = true;
          fs.fdatasync(fd, (e) => {
            err ||= e;
            inflight = false;
            if (after) after();
          });
        }
        return fs.write(fd, data, off, Math.min(CHUNK, data.length - off), null, step);
      }
      const fin = () => (err ? cb(err) : durable && !small ? fs.fdatasync(fd, ren) : ren(null));
      inflight ? (after = fin) : fin();
    };
    step(null, 0);
  });
  const ren = (e) => {
    if (e) return cb(e);
    if (old === undefined) {
      oldWait = () => ren(null);
      return;
    }
    fs.close(fd, nop);
    fs.rename(t, p, (e) => {
      const done = (e) => {
        if (old >= 0) fs.close(old, nop);
        cb(e);
      };
      if (e || !durable) return done(e);
      dirSync(path.dirname(p), done);
    });
  };
}
const q = new Map();
export const write = (p, data, { durable }) => {
  const key = p.charCodeAt(0) === 47 ? p : path.resolve(p); // resolving costs 3 us a call cold: only when relative
  let s = q.get(key);
  if (s) {
    s.data = data;
    s.durable ||= durable;
    return (s.next ??= new Promise((a, b) => {
      s.a = a;
      s.b = b;
    }));
  } // all waiters share one promise
  q.set(key, (s = { data: null, durable: false, next: null, a: null, b: null }));
  const go = (data, durable, a, b) =>
    once(key, data, durable, (e) => {
      e ? b(e) : a();
      if (!s.next) return void q.delete(key);
      const d2 = s.data,
        u2 = s.durable,
        a2 = s.a,
        b2 = s.b;
      s.data = null;
      s.durable = false;
      s.next = null;
      go(d2, u2, a2, b2);
    });
  return new Promise((a, b) => go(data, durable, a, b));
};
const sdirs = new Map();
export const writeSync = (p, data, { durable }) => {
  data = bytes(data);
  const t = tmpOf(p);
  const fd = fs.openSync(t, WX, 0o666);
  for (let off = 0; off < data.length;) off += fs.writeSync(fd, data, off, data.length - off);
  if (durable) fs.fdatasyncSync(fd);
  fs.closeSync(fd);
  let old = -1;
  try {
    old = fs.openSync(p, O_PATH);
  } catch {}
  fs.renameSync(t, p);
  if (durable) {
    const d = path.dirname(p);
    let f = sdirs.get(d);
    if (f === undefined) sdirs.set(d, (f = fs.openSync(d, 'r')));
    fs.fsyncSync(f);
  }
  if (old >= 0) fs.close(old, nop);
};
export async function many(entries, { durable }) {
  let i = 0;
  const lane = async () => {
    while (i < entries.length) {
      const e = entries[i++];
      await write(e.path, e.data, { durable });
    }
  };
  await Promise.all(Array.from({ length: Math.min(256, entries.length) }, lane));
}
class Sink extends Writable {
  constructor(p, durable) {
    super({ highWaterMark: 1 << 20 });
    this.p = p;
    this.durable = durable;
    this.t = tmpOf(p);
    this.n = 0;
    this.s = 0;
    this.inflight = false;
    this.after = null;
    this.err = null;
  }
  _construct(cb) {
    fs.open(this.t, WX, 0o666, (e, fd) => {
      this.fd = fd;
      cb(e);
    });
  }
  _tick(n) {
    this.n += n;
    if (!this.inflight && this.n - this.s >= EARLY) {
      this.s = this.n;
      this.inflight = true;
      fs.fdatasync(this.fd, (e) => {
        this.err ||= e;
        this.inflight = false;
        if (this.after) this.after();
      });
    }
  }
  _write(b, _, cb) {
    fs.write(this.fd, b, 0, b.length, null, (e, n) => {
      if (!e) this._tick(n);
      cb(e);
    });
  }
  _writev(ch, cb) {
    fs.writev(
      this.fd,
      ch.map((x) => x.chunk),
      (e, n) => {
        if (!e) this._tick(n);
        cb(e);
      },
    );
  }
  _final(cb) {
    const fin = () => {
      if (this.err) return cb(this.err);
      const ren = (e) =>
        e
          ? cb(e)
          : fs.open(this.p, O_PATH, (e, old) => {
              if (e) old = -1;
              fs.close(this.fd, nop);
              fs.rename(this.t, this.p, (e) => {
                const done = (e) => {
                  if (old >= 0) fs.close(old, nop);
                  cb(e);
                };
                e || !this.durable ? done(e) : dirSync(path.dirname(this.p), done);
              });
            });
      this.durable ? fs.fdatasync(this.fd, ren) : ren(null);
    };
    this.inflight ? (this.after = fin) : fin();
  }
}
export const stream = (p, { durable }) => new Sink(path.resolve(p), durable);
export const json = (p, v, o) => write(p, JSON.stringify(v) + '\n', o);
