// Two people changed the same text: what each did to it, line by line, and both changes in one where they do not touch.

export interface Edit {
  from: number; // lines from..to of the base
  to: number;
  lines: string[]; // stand there instead
}

const MOST = 4e6; // cells of the comparison; beyond that the differing middle counts as one change

// edits says how the lines of base become those of changed, by the longest common subsequence.
export function edits(base: string[], changed: string[]): Edit[] {
  let head = 0;
  while (head < base.length && head < changed.length && base[head] === changed[head]) head++;
  let tail = 0;
  while (tail < base.length - head && tail < changed.length - head && base[base.length - 1 - tail] === changed[changed.length - 1 - tail]) tail++;
  const a = base.slice(head, base.length - tail);
  const b = changed.slice(head, changed.length - tail);
  if (a.length === 0 && b.length === 0) return [];
  if (a.length === 0 || b.length === 0 || a.length * b.length > MOST) return [{ from: head, to: head + a.length, lines: b }];

  const width = b.length + 1;
  const length = new Uint32Array((a.length + 1) * width); // of the longest common subsequence of a[i..] and b[j..]
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i * width + j] = a[i] === b[j] ? length[(i + 1) * width + j + 1]! + 1 : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!);
    }
  }
  const out: Edit[] = [];
  let open: Edit | null = null;
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      open = null;
      i++;
      j++;
      continue;
    }
    if (!open) out.push((open = { from: head + i, to: head + i, lines: [] }));
    if (j < b.length && (i === a.length || length[i * width + j + 1]! >= length[(i + 1) * width + j]!)) open.lines.push(b[j++]!);
    else open.to = head + ++i;
  }
  return out;
}

// merge applies both changes to the base; null where they touch the same or neighbouring lines and a person has to decide.
// What both added at one place stands there in turn, theirs first: whoever merges looks at the result before it is saved.
export function merge(base: string, mine: string, theirs: string): string | null {
  const lines = base.split('\n');
  const all = [...edits(lines, mine.split('\n')).map((e) => ({ ...e, mine: true })), ...edits(lines, theirs.split('\n')).map((e) => ({ ...e, mine: false }))];
  all.sort((a, b) => a.from - b.from || a.to - b.to || Number(a.mine) - Number(b.mine));
  const out: string[] = [];
  let at = 0;
  for (let k = 0; k < all.length; k++) {
    const e = all[k]!;
    const before = all[k - 1];
    if (before && before.mine !== e.mine && same(before, e)) continue; // both did the same
    const added = before && before.from === before.to && e.from === e.to && e.from === before.to;
    if (before && e.from <= before.to && !added) return null;
    out.push(...lines.slice(at, e.from), ...e.lines);
    at = e.to;
  }
  return [...out, ...lines.slice(at)].join('\n');
}

const same = (a: Edit, b: Edit) => a.from === b.from && a.to === b.to && a.lines.join('\n') === b.lines.join('\n');

export interface DiffLine {
  kind: 'same' | 'gone' | 'new' | 'left';
  text: string;
}

// diff is a change as people read it: the lines that went and came, with two lines around each.
export function diff(base: string, changed: string, around = 2): DiffLine[] {
  const lines = base.split('\n');
  const out: DiffLine[] = [];
  let at = 0;
  const keep = (from: number, to: number, first: boolean, last: boolean) => {
    const head = first ? from : Math.min(to, from + around);
    const tail = last ? to : Math.max(head, to - around);
    for (let i = from; i < head; i++) out.push({ kind: 'same', text: lines[i]! });
    if (tail > head) out.push({ kind: 'left', text: `${tail - head} lines` });
    for (let i = tail; i < to; i++) out.push({ kind: 'same', text: lines[i]! });
  };
  for (const e of edits(lines, changed.split('\n'))) {
    keep(at, e.from, at === 0, false);
    for (let i = e.from; i < e.to; i++) out.push({ kind: 'gone', text: lines[i]! });
    for (const l of e.lines) out.push({ kind: 'new', text: l });
    at = e.to;
  }
  if (out.length) keep(at, lines.length, false, true);
  return out;
}
