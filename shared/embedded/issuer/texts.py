"""What the log-in page says, in the three languages of the contract."""

from __future__ import annotations

LANGUAGES = ("ru", "kk", "en")
"""The first is what a caller gets who asks for none of them."""

NAMES = {"kk": ("Қаз", "ақша"), "ru": ("Рус", "ский"), "en": ("Eng", "lish")}
"""Each language in itself, in the order of the switch: what is seen, and the rest that is only read out."""

TEXTS = {
    "ru": {
        "title": "Вход",
        "product": "Одно окно помощи семье",
        "login": "Логин",
        "password": "Пароль",
        "enter": "Войти",
        "demo": "Демонстрационная система: логины и пароли показаны там, где она запущена.",
        "trouble": "Войти не получилось",
        "mistake": "Ошибка",
        "wrong": "Логин или пароль не подходят. Проверьте раскладку клавиатуры и Caps Lock.",
        "wait": "Слишком много неудачных попыток. Попробуйте через {minutes} мин.",
        "ended": "Вы вышли",
        "kept": "Сохранённое осталось в системе. Если компьютер общий, закройте окно браузера.",
        "again": "Войти снова",
        "languages": "Язык",
    },
    "kk": {
        "title": "Кіру",
        "product": "Отбасына көмектің бір терезесі",
        "login": "Логин",
        "password": "Құпиясөз",
        "enter": "Кіру",
        "demo": "Көрсетілім жүйесі: логиндер мен құпиясөздер ол іске қосылған жерде көрсетілген.",
        "trouble": "Кіру мүмкін болмады",
        "mistake": "Қате",
        "wrong": "Логин немесе құпиясөз сәйкес келмейді. Пернетақта тілін және Caps Lock пернесін тексеріңіз.",
        "wait": "Сәтсіз әрекет тым көп. {minutes} минуттан кейін қайталап көріңіз.",
        "ended": "Сіз жүйеден шықтыңыз",
        "kept": "Сақталғанның бәрі жүйеде қалды. Компьютер ортақ болса, браузер терезесін жабыңыз.",
        "again": "Қайта кіру",
        "languages": "Тіл",
    },
    "en": {
        "title": "Log in",
        "product": "One window for a family that needs help",
        "login": "Login",
        "password": "Password",
        "enter": "Log in",
        "demo": "A demonstration: logins and passwords are shown where it was started.",
        "trouble": "You could not log in",
        "mistake": "Error",
        "wrong": "This login and password do not fit. Check the keyboard's language and Caps Lock.",
        "wait": "Too many wrong attempts. Try again in {minutes} min.",
        "ended": "You are logged out",
        "kept": "What you saved is safe. If others use this computer, close the browser window.",
        "again": "Log in again",
        "languages": "Language",
    },
}
