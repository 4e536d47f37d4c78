/** The module in base64. `scripts/inline.mjs` writes it. */
declare const module: string;
export default module;
