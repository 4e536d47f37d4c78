<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The response to a GraphQL request contains errors: see `graphqlErrors`. */
final class GraphQL extends RekindleException
{
}
