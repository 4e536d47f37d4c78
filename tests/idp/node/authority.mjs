// The token authority behind the GraphQL servers, and the schema that both of them serve.
// Strict rotation: a refresh token is good once; its replay revokes the family. `IDP_ROTATION=none`
// gives the exact shape of the seed, whose refresh answers with no new refresh token.
import { randomUUID } from 'node:crypto';
import { GraphQLError } from 'graphql';
import { bearer, newStats, number } from './serve.mjs';

const ACCESS_TTL = number(process.env.IDP_ACCESS_TTL, 900);
const ROTATE = process.env.IDP_ROTATION !== 'none';

export const stats = newStats();
const access = new Map(); // token -> { family, expiresAt }
const refresh = new Map(); // token -> { family, used }

function issueAccess(family, expiresIn) {
  const token = randomUUID();
  access.set(token, { family, expiresAt: Date.now() + expiresIn * 1000 });
  return token;
}

function issueRefresh(family) {
  const token = randomUUID();
  refresh.set(token, { family, used: false });
  return token;
}

export function mint(query) {
  const family = { alive: true };
  const expiresIn = number(query.get('expires_in'), ACCESS_TTL);
  return {
    access_token: issueAccess(family, expiresIn),
    refresh_token: issueRefresh(family),
    expires_in: expiresIn,
  };
}

function exchange(value) {
  stats.token_requests += 1;
  const known = refresh.get(value);
  if (known?.used && known.family.alive) {
    known.family.alive = false;
    stats.reuse_detected += 1;
  }
  if (!known?.family.alive) throw unauthenticated('Refresh token expired');
  known.used = ROTATE;
  stats.refreshes += 1;
  return {
    accessToken: issueAccess(known.family, ACCESS_TTL),
    expiresIn: ACCESS_TTL,
    refreshToken: ROTATE ? issueRefresh(known.family) : null,
  };
}

function unauthenticated(message, http) {
  return new GraphQLError(message, { extensions: { code: 'UNAUTHENTICATED', ...(http && { http }) } });
}

// One per request. A request counts once, however many of its fields are guarded.
class Caller {
  constructor(token) {
    const known = access.get(token);
    this.presented = token !== undefined;
    this.valid = Boolean(known?.family.alive && known.expiresAt > Date.now());
    this.counted = false;
  }

  require(http) {
    if (!this.counted) stats[this.valid ? 'api_accepted' : 'api_rejected'] += 1;
    this.counted = true;
    if (!this.valid) throw unauthenticated('Authentication required', http);
    return true;
  }
}

// `/graphql` guards in its resolvers; the two others refuse a bad token while the context is made.
// A request without a token passes there: that is how the refresh mutation comes in.
const GUARDS = {
  '/graphql': () => {},
  '/context': (caller) => caller.presented && caller.require(),
  '/context-401': (caller) => caller.presented && caller.require({ status: 401 }),
};
export const PATHS = Object.keys(GUARDS);

export function contextFor(path, authorization) {
  const caller = new Caller(bearer(authorization));
  GUARDS[path](caller);
  return { caller };
}

export const typeDefs = /* GraphQL */ `
  type Student { id: ID! fullName: String! classroomName: String! }
  type Tokens { accessToken: String! expiresIn: Int! refreshToken: String }
  type Query {
    open: String!
    nullable: String
    required: String!
    status401: String
    students(limit: Int): [Student!]!
  }
  type Mutation {
    refreshToken(refreshToken: String!): Tokens!
    increment: Int!
    secure: String
  }
`;

const STUDENTS = [
  { id: '1', fullName: 'Ada Moss', classroomName: '1A' },
  { id: '2', fullName: 'Ben Reed', classroomName: '1B' },
];

const secured = (http) => (_root, _args, { caller }) => caller.require(http) && 'secret of the house';

export const resolvers = {
  Query: {
    open: () => 'for everybody',
    nullable: secured(),
    required: secured(),
    status401: secured({ status: 401 }),
    students: (_root, { limit }, { caller }) => caller.require() && STUDENTS.slice(0, limit ?? 2),
  },
  Mutation: {
    refreshToken: (_root, { refreshToken }) => exchange(refreshToken),
    // Unguarded on purpose: it has happened by the time the next field is refused.
    increment: () => (stats.side_effects += 1),
    secure: secured(),
  },
};
