# Why a link joins nobody, and the position of links in the log; an index of moved identities only.

import django.db.models.deletion
import precision.shop.models.positions
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('precision_shop', '0004_positions_and_exposures'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='identitylink',
            name='held',
            field=models.CharField(blank=True, db_default='', help_text='The rule by which a proposed link joins nobody.', max_length=20),
        ),
        migrations.AddField(
            model_name='identitylink',
            name='position',
            field=precision.shop.models.positions.PositionField(db_default=precision.shop.models.positions.CurrentTransaction(), editable=False),
        ),
        migrations.AlterField(
            model_name='identity',
            name='home',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='The customer it came with, while it is joined to another; empty: it never left.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='precision_shop.customer'),
        ),
        migrations.AlterField(
            model_name='identitylink',
            name='decided_at',
            field=models.DateTimeField(blank=True, help_text='When staff made, accepted, refused or undid it.', null=True),
        ),
        migrations.AlterField(
            model_name='identitylink',
            name='status',
            field=models.CharField(choices=[('active', 'Active'), ('proposed', 'Proposed'), ('refused', 'Refused'), ('undone', 'Undone')], default='active', help_text="Active and proposed follow from the rules; refused and undone are staff's word.", max_length=10),
        ),
        migrations.AddIndex(
            model_name='identity',
            index=models.Index(condition=models.Q(('home__isnull', False)), fields=['home'], name='precision_identity_home'),
        ),
        migrations.AddIndex(
            model_name='identitylink',
            index=models.Index(condition=models.Q(('status', 'proposed')), fields=['organisation', '-id'], name='precision_link_proposed'),
        ),
        migrations.AddIndex(
            model_name='identitylink',
            index=models.Index(fields=['position'], name='precision_link_position'),
        ),
    ]
