import { invalid } from "./errors.js";
import type { RequestOptions } from "./client-options.js";

/** A document that knows its types: `TypedDocumentNode`, or the `TypedDocumentString` of GraphQL Code Generator. */
export interface TypedDocument<Result, Variables> {
  /** Never there: it carries the types. */
  __apiType?: (variables: Variables) => Result;
}

/** What `graphql()` takes: text, or a typed document. */
// biome-ignore lint: a document of any types
export type Document = string | TypedDocument<any, any>;

/** What a document gives. */
export type GraphqlResult<D> = D extends TypedDocument<infer Result, infer _> ? (string extends D ? any : Result) : any;

type Options = Pick<RequestOptions, "headers" | "signal" | "timeout">;

/** What a document wants: nothing may be given where it has no variables. */
export type GraphqlVariables<D> = D extends string
  ? [variables?: Record<string, unknown>, options?: Options]
  : D extends TypedDocument<infer _, infer Variables>
    ? Record<string, never> extends Variables
      ? [variables?: Variables, options?: Options]
      : [variables: Variables, options?: Options]
    : never;

/** Its text. */
export function documentText(document: unknown, print: ((document: object) => string) | undefined): string {
  if (typeof document === "string") return document;
  if (document instanceof String) return document.toString();
  if (typeof document !== "object" || document === null) throw invalid("a GraphQL document must be text or a document");
  if (print) return print(document);
  const { loc } = document as { loc?: { source?: { body?: unknown } } };
  if (typeof loc?.source?.body === "string") return loc.source.body;
  throw invalid("this GraphQL document does not keep its text: give the client print from the package graphql");
}
