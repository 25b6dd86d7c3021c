/* Writes the pinned facts of every option: the number by which saved recipes may know it, its name, part and type. */
#include <actmax.h>
#include <stdio.h>

int main(void)
{
    for (int32_t i = 0; i < actmax_option_count(); ++i)
        printf("%d %s %s %d\n", (int)actmax_option_id(i), actmax_option_name(i), actmax_option_part(i), (int)actmax_option_type(i));
    return 0;
}
