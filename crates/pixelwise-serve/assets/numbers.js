// Numbers for people.

/** Relevance or a score: three digits, always with its sign, and a real minus. */
export function signed(value) {
  const size = Math.abs(value);
  const extreme = size >= 10000 || (size !== 0 && size < 0.001);
  const digits = extreme ? size.toExponential(1) : String(Number(size.toPrecision(3)));
  return (value < 0 ? "−" : "+") + digits;
}

/** A share as a percentage. */
export function percent(share) {
  if (!Number.isFinite(share)) return "–";
  const size = Math.abs(100 * share);
  const digits = size < 10 ? size.toFixed(1) : size.toFixed(0);
  return `${share < 0 && Number(digits) !== 0 ? "−" : ""}${digits} %`;
}
