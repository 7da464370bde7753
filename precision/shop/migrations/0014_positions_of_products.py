"""Positions of products, so that what keeps them in memory can ask which have changed."""

from django.db import migrations, models

import precision.shop.models.positions

HERE = "((pg_current_xact_id())::text::bigint)"
# Stock and prices are changed in many ways; the database sees them all.
PRODUCT = f"""
CREATE FUNCTION precision_shop_product_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.position := {HERE};
    RETURN NEW;
END $$;
CREATE TRIGGER precision_product_moves BEFORE UPDATE ON precision_shop_product
    FOR EACH ROW EXECUTE FUNCTION precision_shop_product_moves();
"""
PRODUCT_BACK = """
DROP TRIGGER precision_product_moves ON precision_shop_product;
DROP FUNCTION precision_shop_product_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("precision_shop", "0013_homes_of_people")]
    operations = [
        migrations.AddField(
            model_name="product",
            name="position",
            field=precision.shop.models.positions.PositionField(
                db_default=precision.shop.models.positions.CurrentTransaction(),
                editable=False,
                help_text="Moved by the database with every change, whoever makes it.",
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(fields=["platform", "position"], name="precision_product_position"),
        ),
        migrations.RunSQL(PRODUCT, PRODUCT_BACK),
    ]
