"""The embedded stack: everything that `make run` starts on one machine, and nothing that the real stack needs.

    from shared.embedded.stack import Stack
    from shared.embedded.ports import free_base

    with Stack(folder, free_base()) as stack:       # ready when the block begins; nothing is left when it ends
        token = stack.user_token("worker.astana")
        httpx.get(f"{stack.origin}/casework/v1/cases", headers={"Authorization": f"Bearer {token}"})
        stack.kill("casework-worker")               # started again by itself, as in production

Rooms: `parts` says what there is to start (data), `ports` where it listens, `folder` where it keeps its data, `process` starts
and ends one program (`leash` ties it to us), `stack` all of them, `runner` is `make run`, `prepare` makes the databases ready,
`log_ins` makes the demo passwords, `token` fetches tokens, `issuer` is the OIDC server, `mongod` the database, `Caddyfile` the
gateway, `gunicorn_conf.py` every web process, `install` what make needs first, `assets` what of npm's packages is published.
Troubles that a person can mend are `Trouble`.
"""
