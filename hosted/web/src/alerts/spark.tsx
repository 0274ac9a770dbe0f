// A figure of the last hour, or days, as a small line with its threshold.

import type { Point } from '../api/alerts';
import { micros } from '../time';

interface Props {
  points: Point[];
  threshold: number;
  width: number;
  height: number;
  label: string;
  marks?: [number, number][]; // times in microseconds between which it fired
}

export function Spark({ points, threshold, width, height, label, marks = [] }: Props) {
  const times = points.map((p) => micros(p.t)!);
  const values = points.map((p) => p.v).filter((v): v is number => v !== null);
  if (values.length < 2) return <svg class="spark" width={width} height={height} role="img" aria-label={`${label}: nothing to draw yet`} />;
  const [from, to] = [times[0]!, times.at(-1)!];
  const low = Math.min(threshold, ...values);
  const high = Math.max(threshold, ...values);
  const pad = (high - low || Math.abs(high) || 1) * 0.1;
  const x = (t: number) => ((t - from) / (to - from || 1)) * width;
  const y = (v: number) => height - ((v - low + pad) / (high - low + 2 * pad)) * height;
  let line = '';
  points.forEach((p, i) => {
    if (p.v !== null) line += `${line === '' || points[i - 1]?.v === null ? 'M' : 'L'}${x(times[i]!).toFixed(1)} ${y(p.v).toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} preserveAspectRatio="none" role="img" aria-label={label}>
      {marks.map(([a, b]) => <rect key={a} class="fired" x={x(a)} y={0} width={Math.max(1.5, x(b) - x(a))} height={height} />)}
      <line class="threshold" x1={0} x2={width} y1={y(threshold)} y2={y(threshold)} />
      <path d={line} />
    </svg>
  );
}
