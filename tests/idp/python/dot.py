"""django-oauth-toolkit on loopback: the 403 dialect, with reuse protection or a grace period.

IDP_MODE: default | reuse-protection | grace. Start protocol: one JSON line {"url": ...} on
standard output when ready; ends when standard input closes.
"""

import json
import os
import shutil
import sys
import tempfile
import threading
import uuid
from datetime import timedelta

import django
from django.conf import settings

MODE = os.environ.get("IDP_MODE", "default")
ACCESS_TTL = int(os.environ.get("IDP_ACCESS_TTL", "300"))
GRACE = int(os.environ.get("IDP_GRACE", "5"))
FOLDER = tempfile.mkdtemp(prefix="rekindle-dot-")

MODES = {
    "default": {},
    "reuse-protection": {"REFRESH_TOKEN_REUSE_PROTECTION": True},
    "grace": {"REFRESH_TOKEN_REUSE_PROTECTION": True, "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": GRACE},
}

# The toolkit's page of consent is its own; what it extends would be fetched from the network.
PAGES = {
    "oauth2_provider/base.html": "<!doctype html><title>{% block title %}{% endblock %}</title>"
    "{% block content %}{% endblock %}",
    "registration/login.html": "<!doctype html><title>Sign in</title><form method='post'>{% csrf_token %}"
    "{{ form.as_p }}<button>Sign in</button></form>",
}

settings.configure(
    SECRET_KEY=uuid.uuid4().hex,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    # Tables straight from the models: replaying years of migrations is most of the start otherwise.
    MIGRATION_MODULES={"auth": None, "contenttypes": None, "sessions": None, "oauth2_provider": None},
    # A password is as good as its hash is slow, but for tests.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    LOGIN_URL="/login",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                ],
                "loaders": [
                    ("django.template.loaders.locmem.Loader", PAGES),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ],
    # Where people sign in; the API and the token endpoint have no use for any.
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    LOGGING_CONFIG=None,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(FOLDER, "dot.sqlite3"),
            # Writers queue up instead of failing: without these, parallel refreshes answer 500.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
            },
        }
    },
    OAUTH2_PROVIDER={
        "ACCESS_TOKEN_EXPIRE_SECONDS": ACCESS_TTL,
        "REFRESH_TOKEN_EXPIRE_SECONDS": 86400,
        "SCOPES": {"read": "Read", "write": "Write"},
        **MODES[MODE],
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402  (models exist only after setup)
from django.contrib.auth.views import LoginView  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from oauth2_provider.decorators import protected_resource  # noqa: E402
from oauth2_provider.models import AccessToken, Application, RefreshToken  # noqa: E402
from oauth2_provider.views import AuthorizationView, RevokeTokenView, TokenView  # noqa: E402
from waitress import create_server  # noqa: E402

# The same names on every server, so that one Rust type reads them all.
STATS = dict.fromkeys(
    ["token_requests", "refreshes", "reuse_detected", "api_accepted", "api_rejected", "side_effects"], 0
)
STATS_LOCK = threading.Lock()


def count(name):
    with STATS_LOCK:
        STATS[name] += 1
        return STATS[name]


def count_family_revocations():
    """Reuse has no signal of its own; the toolkit calls this one method when it sees a replay."""
    original = RefreshToken.revoke_family

    def counted(family):
        count("reuse_detected")
        return original(family)

    RefreshToken.revoke_family = staticmethod(counted)


def counted_api(view):
    def wrapper(request):
        response = view(request)
        count("api_accepted" if response.status_code == 200 else "api_rejected")
        return response

    return csrf_exempt(wrapper)


@counted_api
@protected_resource()
def data(request):
    return JsonResponse({"data": "kept alive"})


@counted_api
@protected_resource()
def side_effect(request):
    return JsonResponse({"count": count("side_effects")})


token_view = csrf_exempt(TokenView.as_view())


@csrf_exempt
def token(request):
    count("token_requests")
    response = token_view(request)
    if response.status_code == 200 and request.POST.get("grant_type") == "refresh_token":
        count("refreshes")
    return response


@csrf_exempt
def mint(request):
    """A pair without a browser. `expires_in` of 0 or less: its access token is over."""
    application = Application.objects.get(client_id=request.GET.get("client", "pub"))
    expires_in = int(request.GET.get("expires_in", ACCESS_TTL))
    owner = {"user": User.objects.get(username="ann"), "application": application}
    access = AccessToken.objects.create(
        token=uuid.uuid4().hex,
        scope="read write",
        expires=timezone.now() + timedelta(seconds=expires_in),
        **owner,
    )
    refresh = RefreshToken.objects.create(
        token=uuid.uuid4().hex, access_token=access, token_family=uuid.uuid4(), **owner
    )
    return JsonResponse(
        {"access_token": access.token, "refresh_token": refresh.token, "expires_in": expires_in}
    )


def stats(request):
    with STATS_LOCK:
        return JsonResponse(STATS)


urlpatterns = [
    path("login", LoginView.as_view()),
    path("o/authorize/", AuthorizationView.as_view()),
    # Where the toolkit has them by itself.
    path("o/token/", token),
    path("o/revoke_token/", csrf_exempt(RevokeTokenView.as_view())),
    path("token", token),
    path("revoke", csrf_exempt(RevokeTokenView.as_view())),
    path("api/data", data),
    path("api/side-effect", side_effect),
    path("mint", mint),
    path("stats", stats),
]


def seed():
    call_command("migrate", run_syncdb=True, skip_checks=True, verbosity=0)
    user = User.objects.create_user("ann", password="wonderland")
    shared = {
        "user": user,
        "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
        "redirect_uris": "http://127.0.0.1/callback",
        "client_secret": "loopback-only",
        "hash_client_secret": False,
    }
    Application.objects.create(client_id="pub", client_type=Application.CLIENT_PUBLIC, **shared)
    Application.objects.create(client_id="conf", client_type=Application.CLIENT_CONFIDENTIAL, **shared)


def end_with_stdin():
    sys.stdin.read()
    # A request under way may still write a file into the folder; one more round takes that too.
    for _ in range(2):
        shutil.rmtree(FOLDER, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    # First of all: the test may be gone before the database is made.
    threading.Thread(target=end_with_stdin, daemon=True).start()
    seed()
    count_family_revocations()
    server = create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=8)
    print(json.dumps({"url": f"http://127.0.0.1:{server.effective_port}"}), flush=True)
    server.run()
