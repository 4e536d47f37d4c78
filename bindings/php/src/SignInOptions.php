<?php

declare(strict_types=1);

namespace Rekindle;

use Rekindle\Core\Json;

/** The options of a sign-in. The dialect defines the defaults. */
final class SignInOptions
{
    /**
     * @param string|null $redirectUri where the browser returns to, as registered for the client
     * @param string|null $scope names, separated by spaces
     * @param string|list<string>|null $resource the APIs that the tokens are for (RFC 8707)
     * @param string|null $prompt `login`, `consent`, `select_account` or `none`
     * @param int|null $maxAge how many seconds ago the user may have authenticated
     * @param string|array<string, mixed>|null $claims the claims request of OpenID Connect
     * @param string|null $returnTo where the user continues in the application afterwards: a path
     * @param array<string, string> $parameters further parameters of the authorization request
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

    /** Returns a copy with another redirect URI. */
    public function withRedirectUri(string $redirectUri): self
    {
        return new self(...['redirectUri' => $redirectUri] + get_object_vars($this));
    }

    /** Returns a copy with another `returnTo`. */
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
