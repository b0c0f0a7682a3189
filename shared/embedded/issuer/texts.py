"""What the log-in page says, in the three languages of the contract."""

from __future__ import annotations

LANGUAGES = ("ru", "kk", "en")
"""The first is what a caller gets who asks for none of them."""

TEXTS = {
    "ru": {
        "title": "Вход",
        "product": "Birtereze – единое окно помощи семье",
        "login": "Логин",
        "password": "Пароль",
        "enter": "Войти",
        "demo": "Демонстрационная система: логины и пароли показаны там, где она запущена.",
        "wrong": "Логин или пароль не подходят.",
        "wait": "Слишком много неудачных попыток. Попробуйте через {minutes} мин.",
        "ended": "Вы вышли из системы.",
    },
    "kk": {
        "title": "Кіру",
        "product": "Birtereze – отбасына көмектің бірыңғай терезесі",
        "login": "Логин",
        "password": "Құпиясөз",
        "enter": "Кіру",
        "demo": "Көрсетілім жүйесі: логиндер мен құпиясөздер ол іске қосылған жерде көрсетілген.",
        "wrong": "Логин немесе құпиясөз сәйкес келмейді.",
        "wait": "Сәтсіз әрекет тым көп. {minutes} минуттан кейін қайталап көріңіз.",
        "ended": "Сіз жүйеден шықтыңыз.",
    },
    "en": {
        "title": "Log in",
        "product": "Birtereze – one window for a family in need",
        "login": "Login",
        "password": "Password",
        "enter": "Log in",
        "demo": "A demonstration: logins and passwords are shown where it was started.",
        "wrong": "This login and password do not fit.",
        "wait": "Too many wrong attempts. Try again in {minutes} min.",
        "ended": "You are logged out.",
    },
}
