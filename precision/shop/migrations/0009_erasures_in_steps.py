# What remains to be done of an erasure, so that a killed process harms nothing.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('precision_shop', '0008_bots_and_rate_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='erasure',
            name='pending',
            field=models.BinaryField(help_text='What remains to be done, encrypted under PII_KEYS; empty once finished.', null=True),
        ),
        migrations.AddField(
            model_name='erasure',
            name='state',
            field=models.CharField(choices=[('requested', 'Requested'), ('erased', 'erased, traces outside the tables of facts remain'), ('finished', 'Finished')], default='requested', max_length=10),
        ),
    ]
