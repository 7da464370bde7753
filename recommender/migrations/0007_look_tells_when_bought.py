"""The look at a person tells of each order line when it was bought, so that what was just bought is not offered again.

The function under a new number; the old one stays for processes of the version before.
"""

from importlib import import_module

from django.db import migrations

BEFORE = import_module("recommender.migrations.0004_look_at_a_person")
LINE = "ARRAY[coalesce(p.same_as_id, p.id), p.category_id]"
LINE_WITH_TIME = "ARRAY[coalesce(p.same_as_id, p.id), p.category_id, floor(extract(epoch FROM l.placed_at))::bigint]"
LOOK = BEFORE.LOOK.replace("precision_recommender_look_1", "precision_recommender_look_2").replace(
    LINE, LINE_WITH_TIME
)
DROP = "DROP FUNCTION precision_recommender_look_2"


class Migration(migrations.Migration):
    dependencies = [("precision_recommender", "0006_learned_rankers")]
    operations = [migrations.RunSQL(LOOK, DROP)]
