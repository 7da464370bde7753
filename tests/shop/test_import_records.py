"""The import of products, customers and stores: added, updated field by field, never in the clear."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from precision.shop import pii
from precision.shop.models import Category, Platform, Product, Profile, Store
from tests.shop.imports import LINES, content, counts, rejects

pytestmark = pytest.mark.django_db


SHOP = """
version = 1
[files.goods]
[files.people]
[files.places]
[store]
from = "places"
store_id = "id"
stars = "stars"
region = "region"
[product]
from = "goods"
product_id = "sku"
title = "title"
category = ["department", "kind"]
price = "price"
active = "sold"
aliases = "names"
[product.traits]
size = "size"
[product.labels]
scent = "scent"
[customer]
from = "people"
customer_id = "id"
email = "email"
phone = "phone"
birth_date = "born"
income = "income"
[customer.address]
street = "street"
[customer.traits]
age_band = "age"
"""
GOODS = """sku,title,department,kind,price,sold,names,size,scent
1,Night cream,care,creams,16.00,yes,balm|night balm,50 ml,rose
2,Gift card,,,,no,,,
3,Soap,care,,2.5,,,,
"""
PEOPLE = """id,email,phone,born,income,street,age
a,anna@example.org,+49 30 1,1980-02-29,30-40K,Elm 1,40-49
b,,,,,,
"""
PLACES = "id,stars,region\ns1,3,north\ns2,9,south\n"


def test_products_customers_and_stores(load: Any, platform: Platform) -> None:
    result = load(SHOP, goods=GOODS, people=PEOPLE, places=PLACES)
    assert {kind: counts(table) for kind, table in result["kinds"].items()} == {
        "product": (3, 0, 0, 0), "customer": (2, 0, 0, 0), "store": (1, 0, 0, 1),
    }  # fmt: skip
    assert counts(result) == (6, 0, 0, 1)
    assert rejects(result) == [("places.csv", "2", "stars", "9", "out_of_range")]
    cream, card, soap = Product.objects.order_by("external_id")
    assert (cream.title, cream.price, cream.active, cream.listed) == ("Night cream", 16, True, True)
    assert (cream.aliases, cream.traits, cream.labels) == (
        ["balm", "night balm"],
        {"size": "50 ml"},
        {"scent": "rose"},
    )
    assert cream.category is not None
    assert soap.category is not None
    assert (cream.category.path, soap.category.path, card.category) == (["care", "creams"], ["care"], None)
    assert sorted(Category.objects.values_list("path", "derived")) == [
        (["care"], False),
        (["care", "creams"], False),
    ]
    assert (card.price, card.active, card.traits, card.aliases, card.currency) == (None, False, {}, [], "EUR")
    anna = Profile.objects.get(identity__value="a")
    assert (str(anna.birth_date), anna.income, anna.traits) == ("1980-02-29", "30-40K", {"age_band": "40-49"})
    assert anna.personal is not None
    assert pii.decrypt(anna.personal) == {
        "email": "anna@example.org", "phone": "+49 30 1", "address": {"street": "Elm 1"},
    }  # fmt: skip
    assert Profile.objects.get(identity__value="b").personal is None
    assert Store.objects.get().stars == 3
    before = content()
    assert counts(load(SHOP, goods=GOODS, people=PEOPLE, places=PLACES)) == (0, 0, 6, 1)
    assert content() == before, "personal values too: encrypting again would change them"


def test_given_fields_are_updated_and_the_rest_is_kept(load: Any) -> None:
    load(SHOP, goods=GOODS, people=PEOPLE, places=PLACES)
    stamps = dict(Product.objects.values_list("external_id", "updated_at"))
    goods = GOODS.replace("16.00,yes,balm|night balm,50 ml,rose", ",,,75 ml,")
    people = PEOPLE.replace("anna@example.org,+49 30 1", ",+49 30 2").replace("30-40K,Elm 1", ",")
    result = load(SHOP, goods=goods, people=people, places=PLACES.replace("3,north", "4,"))
    assert {kind: counts(table) for kind, table in result["kinds"].items()} == {
        "product": (0, 1, 2, 0), "customer": (0, 1, 1, 0), "store": (0, 1, 0, 1),
    }  # fmt: skip
    cream = Product.objects.get(external_id="1")
    assert (cream.price, cream.active, cream.aliases) == (16, True, ["balm", "night balm"])
    assert (cream.traits, cream.labels) == ({"size": "75 ml"}, {"scent": "rose"})
    assert cream.updated_at > stamps["1"]
    assert Product.objects.get(external_id="2").updated_at == stamps["2"]
    anna = Profile.objects.get(identity__value="a")
    assert anna.income == "30-40K"
    assert anna.personal is not None
    assert pii.decrypt(anna.personal) == {
        "email": "anna@example.org", "phone": "+49 30 2", "address": {"street": "Elm 1"},
    }  # fmt: skip
    store = Store.objects.get()
    assert (store.stars, store.region) == (4, "north")


def test_no_personal_value_stands_in_the_clear(load: Any, var: Path) -> None:
    people = PEOPLE.replace("+49 30 1", "9" * 61).replace("Elm 1", "Elm 1\x00")
    result = load(SHOP, goods=GOODS, people=people + "c,ceee@example.org,,,,,\n", places=PLACES)
    assert ("people.csv", "1", "phone", "(personal)", "too_long") in rejects(result)
    assert "99999" not in Path(result["rejects_file"]).read_text()
    with connection.cursor() as cursor:
        cursor.execute("SELECT p::text FROM precision_shop_profile AS p")
        assert "ceee" not in str(cursor.fetchall())


def test_a_product_without_title_is_refused_and_stays_unlisted(load: Any) -> None:
    text = LINES + '[product]\nfrom = "lines"\nproduct_id = "product"\ntitle = { mode = "name" }\n'
    rows = "order,customer,time,product,quantity,price,name\n" + "".join(
        f"{n},a,2024-01-01,{product},1,1,{name}\n"
        for n, (product, name) in enumerate(
            [("x", ""), ("y", "B"), ("y", "A"), ("y", "A"), ("x", ""), ("z", "D"), ("z", "C")]
        )
    )
    result = load(text, lines=rows)
    assert dict(Product.objects.values_list("external_id", "title")) == {"x": "Product x", "y": "A", "z": "C"}
    assert dict(Product.objects.values_list("external_id", "listed")) == {"x": False, "y": True, "z": True}
    assert counts(result) == (7, 0, 0, 0), "its lines count all the same"
    assert counts(result["kinds"]["product"]) == (2, 0, 0, 1)
    assert rejects(result) == [("lines.csv", "1", "name", "", "missing")]
    later = load(text, lines=rows.replace("x,1,1,", "x,1,1,Known now"))
    assert counts(later["kinds"]["product"]) == (0, 1, 2, 0)
    assert Product.objects.get(external_id="x").listed


def test_reducers(load: Any) -> None:
    text = """
version = 1
[files.rows]
[product]
from = "rows"
product_id = "id"
title = { mode = "title" }
price = { last = "price", by = "at" }
cost = { max = "price" }
list_price = { min = "price" }
brand = { first = "brand", by = "at" }
"""
    rows = """id,title,price,at,brand
a,Two,3,2024-01-02,y
a,One,9,2024-01-01,x
a,Two,,2024-01-03,
b,B,1,2024-01-01,
"""
    result = load(text, rows=rows)
    assert counts(result) == (4, 0, 0, 0)
    one = Product.objects.get(external_id="a")
    assert (one.title, one.price, one.cost, one.list_price, one.brand) == ("Two", 3, 9, 3, "x")


def test_categories_from_the_words_of_titles(load: Any) -> None:
    text = 'version = 1\n[files.g]\n[product]\nfrom = "g"\nproduct_id = "i"\ntitle = "t"\ncategory = { words = "t" }\n'
    rows = (
        "i,t\n"
        + "".join(f"{n},Number {chr(97 + n)}{chr(97 + n)}{chr(97 + n)} mug\n" for n in range(16))
        + "99,Other thing\n"
    )
    load(text, g=rows)
    assert list(Category.objects.values_list("path", "derived")) == [(["mug"], True)]
    assert Product.objects.filter(category__isnull=False).count() == 16
    # A later, small file is judged by the words of the whole catalogue.
    result = load(text, g="i,t\n100,Enamel mug\n")
    assert counts(result) == (1, 0, 0, 0)
    category = Product.objects.get(external_id="100").category
    assert category is not None
    assert category.path == ["mug"]
    assert counts(load(text, g=rows)) == (0, 0, 17, 0)
