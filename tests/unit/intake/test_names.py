"""Names: the spellings of one name meet, different names do not, and every text has a key."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.names import fold, fold_patronymic

letters = st.text(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяәғқңөұүһіabcdefghijklmnopqrstuvwxyzáǵńóúýıäğñöūüş' -", max_size=20
)


@pytest.mark.parametrize(
    "spellings",
    [
        "Құрманғазы Курмангазы Qurmangazy Kurmangazy Qurmanǵazy Qūrmanğazy КУРМАНГАЗЫ Курман-Газы",
        "Сәуле Сауле Saule Sáýle Säule",
        "Айгүл Айгуль Aigul Aygul Aıgúl Aigül",
        "Жәнібек Жанибек Zhanibek Janibek Jänıbek Jánibek",
        "Шыңғыс Шынгыс Shyngys Shyñğys Shyńǵys Şyñğys",
        "Ләззат Ляззат Лаззат Lyazzat Lazzat Läzzat Lázzat",
        "Еңлік Енлик Yenglik Enlik Yenlik",
        "Мұхаммед Мухаммед Мухамед Mukhammed Muhammed",
        "Һәкім Хаким Khakim Hakim",
        "Ғалым Галым Ghalym Galym Ǵalym Ğalym",
        "Қайрат Кайрат Kairat Kayrat Qairat Qaırat",
        "Өмірбек Омирбек Omirbek Ömırbek Ómirbek",
        "Ұлжан Улжан Ulzhan Uljan Ūljan",
        "Ілияс Ильяс Ilyas Ilias Iлияс",
        "Тоқаев Токаев Tokayev Toqaev Tokaev",
        "Әлиев Алиев Aliyev Aliev Äliev",
        "Ахметов Akhmetov Ahmetov",
        "Щербаков Shcherbakov Scherbakov",
        "Юлия Yuliya Yulia Iuliia Iulia",
        "Наталья Наталия Natalya Natalia Nataliya",
        "Людмила Lyudmila Ludmila",
        "Артём Артем Artyom Artem",
        "Ксения Kseniya Xenia",
        "Юрий Yuriy Yuri Iurii",
        "Дмитрий Dmitriy Dmitry Dmitri",
        "Анна Anna Ана",
        "Исхак Iskhak",
        "Йолдас Yoldas",
        "Попов-Петров Popov-Петров Popov-Petrov",
        "Әбдірахман Абдирахман Abdirakhman Abdirahman",
        "Cауле Сaуле Сауле",  # Latin C and a typed for the Cyrillic ones
    ],
    ids=lambda spellings: spellings.split()[0],
)
def test_the_spellings_of_a_name_meet(spellings):
    assert len({fold(spelling) for spelling in spellings.split()}) == 1


def test_different_names_do_not_meet():
    names = "Айгүл Айнур Асель Асет Ахмет Жанар Жанат Жандос Марат Мурат Нурлан Нурбол Ольга Олег Сауле Серик Тимур Дана Диана Дина"
    assert len({fold(name) for name in names.split()}) == len(names.split())


@pytest.mark.parametrize(
    "forms",
    [
        "Серікұлы Серикович Серикулы Serikuly Serikovich Serıkūly Серік-ұлы Серікқызы Сериковна Serikkyzy Serikqyzy",
        "Сергейұлы Сергеевич Сергеевна Sergeyevich Sergeevich Sergeevna Сергейқызы",
        "Юрийұлы Юрьевич Юрьевна Yuryevich Юрийқызы",
        "Әбдіғалиұлы Абдигалиевич Абдигалиевна Abdigaliyevich Abdigaliuly Abdigalievich",
        "Николайұлы Николаевич Nikolayevna Николайқызы",
        "Нұрланқызы Нурлановна Nurlankyzy Nurlanovna Нурлангызы",
        "Ильич Ильинична",
        "Исаұлы Исаевич Isaevna Исақызы",
        "Мамедоглы Мамедович Mamedoglu Мамедкызы",
    ],
    ids=lambda forms: forms.split()[0],
)
def test_the_forms_of_a_patronymic_meet(forms):
    assert len({fold_patronymic(form) for form in forms.split()}) == 1


def test_a_patronymic_may_be_two_words_and_stays_itself_without_a_suffix():
    assert fold_patronymic("Серік ұлы") == fold_patronymic("Серік") == "serik"
    assert fold_patronymic("Нурланович") != fold_patronymic("Нурболович")
    assert fold_patronymic("Ұлы") != ""  # too little is left of it to be a father's name
    assert fold_patronymic("Ия") != ""


@pytest.mark.parametrize("full", ["Құрманғазиева", "Жанғабылов", "Шәріпов", "Ахметов", "Хасенов", "Щербаков"])
def test_the_beginning_of_a_name_gives_the_beginning_of_its_key(full):
    for end in range(1, len(full) + 1):
        assert fold(full).startswith(fold(full[:end]))


def test_letters_of_other_scripts_leave_an_empty_key():
    assert fold("李") == fold("") == fold(" -'") == fold_patronymic("") == ""


@given(st.text(max_size=30) | letters)
def test_every_text_has_a_key_of_small_letters(text):
    assert re.fullmatch("[a-z]*", fold(text))
    assert re.fullmatch("[a-z]*", fold_patronymic(text))


@given(st.text(max_size=30) | letters)
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)
    assert fold_patronymic(fold_patronymic(text)) == fold_patronymic(text)


@given(letters)
def test_case_form_spaces_and_hyphens_do_not_count(text):
    assert fold(text.upper()) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)
    assert fold(f" {text}- ") == fold(text)
