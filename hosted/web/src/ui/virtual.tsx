// Rows of known height, of which only those near the window are in the document: 10 000 calls scroll like 50.

import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

const OVERSCAN = 400; // pixels above and below the window

// edges are where rows begin and end: row i lies from edges[i] to edges[i+1].
export function edges(count: number, height: (index: number) => number): Float64Array {
  const e = new Float64Array(count + 1);
  for (let i = 0; i < count; i++) e[i + 1] = e[i]! + height(i);
  return e;
}

export interface Span {
  first: number;
  end: number; // one past the last
}

// visible is which rows show in a window of the given height, when the list begins at top (negative once it is scrolled
// past the window's upper edge).
export function visible(e: Float64Array, top: number, windowHeight: number): Span {
  const count = e.length - 1;
  const first = Math.min(count, Math.max(0, search(e, -top - OVERSCAN) - 1));
  return { first, end: Math.max(first, Math.min(count, search(e, windowHeight - top + OVERSCAN))) };
}

// search is the first index whose edge lies beyond y.
function search(e: Float64Array, y: number): number {
  let low = 0;
  let high = e.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (e[mid]! > y) high = mid;
    else low = mid + 1;
  }
  return low;
}

interface Props {
  edges: Float64Array;
  render: (index: number) => VNode;
  nearEnd: () => void; // called when the end comes into view
}

export function VirtualRows({ edges: e, render, nearEnd }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const count = e.length - 1;
  const [span, setSpan] = useState<Span>(() => visible(e, 0, window.innerHeight));

  useEffect(() => {
    const measure = () => {
      if (!box.current) return;
      const s = visible(e, box.current.getBoundingClientRect().top, window.innerHeight);
      setSpan((old) => (old.first === s.first && old.end === s.end ? old : s));
      if (s.end >= e.length - 1) nearEnd();
    };
    measure();
    window.addEventListener('scroll', measure, { passive: true });
    window.addEventListener('resize', measure);
    return () => {
      window.removeEventListener('scroll', measure);
      window.removeEventListener('resize', measure);
    };
  }, [e, nearEnd]);

  const rows: VNode[] = [];
  const first = Math.min(span.first, count);
  for (let i = first; i < Math.min(span.end, count); i++) rows.push(render(i));
  return (
    <div ref={box} role="rowgroup" class="virtual" style={{ height: `${e[count]!}px` }}>
      <div role="presentation" style={{ transform: `translateY(${e[first]!}px)` }}>
        {rows}
      </div>
    </div>
  );
}
