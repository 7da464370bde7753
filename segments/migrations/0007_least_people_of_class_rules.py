from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("precision_segments", "0006_label_library"),
    ]

    operations = [
        migrations.RenameField(
            model_name="classrule",
            old_name="least_customers",
            new_name="least_people",
        ),
    ]
