# How much the platforms of an organisation know of the same people.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('precision_shop', '0009_erasures_in_steps'),
    ]

    operations = [
        migrations.CreateModel(
            name='IslandReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('platforms', models.JSONField(help_text='Of each platform, by key: people, active, only_here, visitors; and the days of activity.')),
                ('overlaps', models.JSONField(help_text='[key, other key, people known on both] of each pair of platforms.')),
                ('people', models.BigIntegerField(help_text='People known on any platform.')),
                ('made_at', models.DateTimeField(auto_now=True)),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='island_reports', to='precision_shop.organisation')),
            ],
            options={
                'ordering': ['-day'],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'day'), name='precision_island_report_once')],
            },
        ),
    ]
