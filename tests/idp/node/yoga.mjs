// graphql-yoga on plain node:http, one instance per way of guarding.
import { createSchema, createYoga } from 'graphql-yoga';
import { contextFor, mint, PATHS, resolvers, stats, typeDefs } from './authority.mjs';
import { json, serve } from './serve.mjs';

const schema = createSchema({ typeDefs, resolvers });

const yogas = new Map(
  PATHS.map((path) => [
    path,
    createYoga({
      schema,
      graphqlEndpoint: path,
      logging: false,
      context: ({ request }) => contextFor(path, request.headers.get('authorization')),
    }),
  ]),
);

await serve((url) => async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, url);
  if (yogas.has(pathname)) return yogas.get(pathname)(req, res);
  if (pathname === '/stats') return json(res, 200, stats);
  if (pathname === '/mint') return json(res, 200, mint(searchParams));
  json(res, 404, { error: 'not_found' });
});
