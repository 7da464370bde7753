from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('precision_segments', '0012_segments_and_their_history'),
    ]

    operations = [
        migrations.RenameField(model_name='stageflow', old_name='customers', new_name='people'),
    ]
