"""When each field of an order was told, so that words out of order end in one state."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("precision_shop", "0006_interests_and_store_pairs")]
    operations = [
        migrations.AddField(
            model_name="order",
            name="words",
            field=models.JSONField(
                blank=True,
                editable=False,
                help_text="When each field was told, and by whom; of a credit note, what was to be refunded.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="fingerprint",
            field=models.BigIntegerField(
                editable=False,
                help_text="Digest of what the last word about the whole said: tells a repetition from a change.",
            ),
        ),
    ]
