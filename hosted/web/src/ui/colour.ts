// colour is what a colour variable of the style sheet is in the theme that holds for an element: canvases need the value.
export function colour(el: HTMLElement, name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  el.append(probe);
  const c = getComputedStyle(probe).color;
  probe.remove();
  return c;
}
