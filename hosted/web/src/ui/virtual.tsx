// Rows of one height, of which only those near the window are in the document: 10 000 calls scroll like 50.

import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

const OVERSCAN = 12;

export interface Span {
  first: number;
  end: number; // one past the last
}

// visible is which of count rows show in a window of the given height, when the list begins at top (negative once it is
// scrolled past the window's upper edge).
export function visible(count: number, row: number, top: number, windowHeight: number): Span {
  const first = Math.max(0, Math.min(count, Math.floor(-top / row) - OVERSCAN));
  const end = Math.max(first, Math.min(count, Math.ceil((windowHeight - top) / row) + OVERSCAN));
  return { first, end };
}

interface Props {
  count: number;
  row: number; // height in pixels
  render: (index: number) => VNode;
  nearEnd: () => void; // called when the end comes into view
}

export function VirtualRows({ count, row, render, nearEnd }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [span, setSpan] = useState<Span>({ first: 0, end: Math.min(count, 40) });

  useEffect(() => {
    const measure = () => {
      if (!box.current) return;
      const s = visible(count, row, box.current.getBoundingClientRect().top, window.innerHeight);
      setSpan((old) => (old.first === s.first && old.end === s.end ? old : s));
      if (s.end >= count) nearEnd();
    };
    measure();
    window.addEventListener('scroll', measure, { passive: true });
    window.addEventListener('resize', measure);
    return () => {
      window.removeEventListener('scroll', measure);
      window.removeEventListener('resize', measure);
    };
  }, [count, row, nearEnd]);

  const rows: VNode[] = [];
  for (let i = span.first; i < Math.min(span.end, count); i++) rows.push(render(i));
  return (
    <div ref={box} role="rowgroup" class="virtual" style={{ height: `${count * row}px` }}>
      <div role="presentation" style={{ transform: `translateY(${span.first * row}px)` }}>
        {rows}
      </div>
    </div>
  );
}
