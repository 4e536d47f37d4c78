export const readFileSync = (url) => globalThis.files[url.href.split("/").pop()];
