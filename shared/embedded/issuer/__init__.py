"""The OIDC issuer of the embedded stack: Authlib's server classes, tightened, behind one Flask app under `<origin>/oidc`.

It stands in for Keycloak, so services see nothing but a standard issuer: discovery, keys, tokens. It knows only the demo
users and clients of `shared/reference/demo_users.toml`, whose passwords and secrets it reads from DATA_DIR.

| path | does |
|---|---|
| `/oidc/.well-known/openid-configuration`, `/oidc/jwks` | what it can do, and its public key (ES256) |
| `/oidc/authorize` | the log-in page; authorization code, PKCE with S256 only, a nonce is required |
| `/oidc/token` | `authorization_code`, `refresh_token`, `client_credentials`; clients authenticate by HTTP Basic only |
| `/oidc/revoke`, `/oidc/end-session` | end one refresh token, or all those of a person |

Access tokens are RFC 9068 JWTs (`typ: at+jwt`), 15 minutes by default; their claims are `shared.embedded.issuer.tokens.claims`.
Refresh tokens are not rotated: panels that refresh at the same moment would log each other out; they are revoked at log-out.

Rooms: `accounts` (who there is), `keys`, `store` (codes and refresh tokens, hashed, in MongoDB), `tokens` (claims), `server`
(the grants), `attempts` (wrong passwords), `app` (the routes).
"""
