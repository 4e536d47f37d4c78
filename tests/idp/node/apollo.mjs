// Apollo Server through its own HTTP integration API, on plain node:http.
import { ApolloServer, HeaderMap } from '@apollo/server';
import { contextFor, mint, PATHS, resolvers, stats, typeDefs } from './authority.mjs';
import { json, read, serve } from './serve.mjs';

const apollo = new ApolloServer({ typeDefs, resolvers, includeStacktraceInErrorResponses: false });
await apollo.start();

function headerMap(req) {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(req.headers)) headers.set(name, [value].flat().join(', '));
  return headers;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function graphql(req, res, { pathname, search }) {
  const answer = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: req.method, headers: headerMap(req), search, body: parse(await read(req)) },
    context: async () => contextFor(pathname, req.headers.authorization),
  });
  res.writeHead(answer.status ?? 200, Object.fromEntries(answer.headers));
  res.end(answer.body.string);
}

await serve((url) => async (req, res) => {
  const target = new URL(req.url, url);
  if (PATHS.includes(target.pathname)) return graphql(req, res, target);
  if (target.pathname === '/stats') return json(res, 200, stats);
  if (target.pathname === '/mint') return json(res, 200, mint(target.searchParams));
  json(res, 404, { error: 'not_found' });
});
