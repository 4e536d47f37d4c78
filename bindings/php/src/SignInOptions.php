<?php

declare(strict_types=1);

namespace Rekindle;

use Rekindle\Core\Json;

/** What a sign-in asks for. What is left out is the dialect's. */
final class SignInOptions
{
    /**
     * @param string|null $redirectUri where the browser comes back to: as the client is registered
     * @param string|null $scope names with spaces between them
     * @param string|list<string>|null $resource what the tokens are for (RFC 8707)
     * @param string|null $prompt `login`, `consent`, `select_account` or `none`
     * @param int|null $maxAge how many seconds ago the user may have signed in
     * @param string|array<string, mixed>|null $claims as OpenID Connect has them
     * @param string|null $returnTo where the application's user goes afterwards: a path of its own
     * @param array<string, string> $parameters what the server wants besides
     */
    public function __construct(
        public readonly ?string $redirectUri = null,
        public readonly ?string $scope = null,
        public readonly string|array|null $resource = null,
        public readonly ?string $audience = null,
        public readonly ?string $prompt = null,
        public readonly ?string $loginHint = null,
        public readonly ?string $acrValues = null,
        public readonly ?int $maxAge = null,
        public readonly string|array|null $claims = null,
        public readonly ?string $returnTo = null,
        public readonly array $parameters = [],
    ) {
    }

    /** The same with another address to come back to. */
    public function withRedirectUri(string $redirectUri): self
    {
        return new self(...['redirectUri' => $redirectUri] + get_object_vars($this));
    }

    /** The same with another place to go afterwards. */
    public function withReturnTo(?string $returnTo): self
    {
        return new self(...['returnTo' => $returnTo] + get_object_vars($this));
    }

    /**
     * @internal
     * @return array<string, mixed>|\stdClass
     */
    public function toCore(): array|\stdClass
    {
        return Json::object(array_filter([
            'redirect_uri' => $this->redirectUri,
            'scope' => $this->scope,
            'resource' => is_string($this->resource) ? [$this->resource] : $this->resource,
            'audience' => $this->audience,
            'prompt' => $this->prompt,
            'login_hint' => $this->loginHint,
            'acr_values' => $this->acrValues,
            'max_age' => $this->maxAge,
            'claims' => is_array($this->claims) ? Json::write($this->claims) : $this->claims,
            'return_to' => $this->returnTo,
            'parameters' => $this->parameters === [] ? null : $this->parameters,
        ], static fn (mixed $value): bool => $value !== null));
    }
}
