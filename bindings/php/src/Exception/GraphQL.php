<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The answer to a GraphQL request holds errors: see `graphqlErrors`. */
final class GraphQL extends RekindleException
{
}
